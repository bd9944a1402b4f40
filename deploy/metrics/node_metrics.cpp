#include "deploy/metrics/node_metrics.hpp"

namespace starling {

Result<void> NodeMetrics::serve(std::uint16_t port) {
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

std::function<void(Level, std::string)> NodeMetrics::counting(
    std::function<void(Level, std::string)> log) {
    return [this, log = std::move(log)](Level level, std::string text) {
        if (level >= Level::warning) {
            sink_.count_refused();
        }
        log(level, std::move(text));
    };
}

}  // namespace starling
