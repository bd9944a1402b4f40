#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/node/node.hpp"
#include "deploy/metrics/node_metrics.hpp"
#include "deploy/metrics/role_metrics.hpp"

namespace starling {

/// Counts a node's events and passes them on to the log. All functions may be called from any
/// thread; no lock is held during the call of the next sink.
class MetricsSink final : public TraceSink {
public:
    /// `next` must outlive this.
    MetricsSink(const NodeId& node, Role role, TraceSink& next);

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// An input of the node, to count connections, which have no trace events.
    void count_input(const Input& input);
    /// A peer was refused before it was connected.
    void count_refused();

    /// All values now, in Prometheus' text format.
    std::string text() const;

private:
    TraceSink& next_;
    mutable std::mutex mutex_;  ///< guards the metrics
    NodeMetrics node_;
    std::unique_ptr<RoleMetrics> role_;
};

}  // namespace starling
