#include "deploy/metrics/metrics_sink.hpp"

namespace starling {

MetricsSink::MetricsSink(const NodeId& node, Role role, TraceSink& next)
    : next_(next),
      node_(node, role),
      role_(role == Role::sn ? make_sn_metrics() : make_sl_metrics()) {}

void MetricsSink::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    {
        const std::lock_guard lock(mutex_);
        node_.count(event);
        role_->count(time, event);
    }
    next_.report(time, node, event);
}

void MetricsSink::count_input(const Input& input) {
    const std::lock_guard lock(mutex_);
    node_.count_input(input);
}

void MetricsSink::count_refused() {
    const std::lock_guard lock(mutex_);
    node_.count_refused();
}

std::string MetricsSink::text() const {
    const std::lock_guard lock(mutex_);
    Exposition out;
    node_.write(out);
    role_->write(out);
    return out.take();
}

}  // namespace starling
