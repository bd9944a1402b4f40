#include "deploy/metrics/metrics_exporter.hpp"

namespace starling {

Result<void> MetricsExporter::serve(std::uint16_t port) {
    if (port == 0) {
        return {};
    }
    auto server = MetricsServer::start(port, [this] { return sink_.text(); });
    if (!server) {
        return server.error();
    }
    server_ = std::move(*server);
    return {};
}

}  // namespace starling
