#pragma once

#include <functional>
#include <memory>

#include "deploy/metrics/metrics_server.hpp"
#include "deploy/metrics/metrics_sink.hpp"

namespace starling {

/// The metrics of one node and, with --metrics-port, their server. Must outlive the endpoint.
class MetricsExporter {
public:
    /// `log` must outlive this.
    MetricsExporter(const NodeId& node, Role role, TraceSink& log) : sink_(node, role, log) {}

    /// Starts the server; port 0: no server. Errc::io if the port can't be opened.
    Result<void> serve(std::uint16_t port);

    TraceSink& sink() { return sink_; }
    void count_input(const Input& input) { sink_.count_input(input); }
    void count_refused() { sink_.count_refused(); }

private:
    MetricsSink sink_;
    std::unique_ptr<MetricsServer> server_;
};

}  // namespace starling
