#pragma once

#include <functional>
#include <memory>

#include "deploy/metrics/metrics_server.hpp"
#include "deploy/metrics/metrics_sink.hpp"

namespace starling {

/// The figures of one node and, if --metrics-port is given, the place where they can be had. Make
/// it before the endpoint and let it live longer.
class NodeMetrics {
public:
    /// `log` must outlive this.
    NodeMetrics(const NodeId& node, Role role, TraceSink& log) : sink_(node, role, log) {}

    /// Begins to serve them; port 0: they are not served. Errc::io if the port can't be opened.
    Result<void> serve(std::uint16_t port);

    TraceSink& sink() { return sink_; }
    void look(const Input& input) { sink_.look(input); }
    void count_refused() { sink_.count_refused(); }

private:
    MetricsSink sink_;
    std::unique_ptr<MetricsServer> server_;
};

}  // namespace starling
