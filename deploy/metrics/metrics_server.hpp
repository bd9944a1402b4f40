#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// Serves a text at http://127.0.0.1:PORT/metrics, in a thread of its own, until it is destroyed.
/// Without TLS and therefore on loopback only.
class MetricsServer {
public:
    /// \param text  called for each request, in another thread.
    /// Errc::io names --metrics-port and the port if it can't be opened.
    static Result<std::unique_ptr<MetricsServer>> start(std::uint16_t port,
                                                        std::function<std::string()> text);
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;
    ~MetricsServer();

private:
    struct Server;
    explicit MetricsServer(std::unique_ptr<Server> server);

    std::unique_ptr<Server> server_;
};

}  // namespace starling
