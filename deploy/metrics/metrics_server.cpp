#include "deploy/metrics/metrics_server.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <httplib.h>

namespace starling {
namespace {

constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::size_t threads = 2;            // a scraper and a person
constexpr std::size_t request_bytes_max = 1;  // a GET has no body
constexpr std::time_t patience_seconds = 5;

}  // namespace

struct MetricsServer::Server {
    httplib::Server http;
    std::atomic<bool> ended = false;
    std::thread thread;
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(std::uint16_t port,
                                                            std::function<std::string()> text) {
    auto server = std::make_unique<Server>();
    httplib::Server& http = server->http;
    http.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    http.set_payload_max_length(request_bytes_max);
    http.set_read_timeout(patience_seconds);
    http.set_write_timeout(patience_seconds);
    http.set_keep_alive_timeout(patience_seconds);
    // The library's own choice, SO_REUSEPORT, would let two nodes have one port.
    http.set_socket_options([](socket_t socket) {
        const int yes = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    http.Get("/metrics", [text = std::move(text)](const httplib::Request&, httplib::Response& out) {
        out.set_content(text(), content_type);
    });
    errno = 0;
    if (!http.bind_to_port("127.0.0.1", port)) {
        const int code = errno;
        const std::string place = "--metrics-port: port " + std::to_string(port) + " on 127.0.0.1 ";
        return Error{Errc::io, code == EADDRINUSE
                                   ? place + "is in use: stop what uses it or choose another port"
                                   : place + "can't be opened: " + std::strerror(code)};
    }
    server->thread = std::thread([&running = *server] {
        running.http.listen_after_bind();
        running.ended = true;
    });
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(server)));
}

MetricsServer::MetricsServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}

MetricsServer::~MetricsServer() {
    // stop() says nothing to a server that has not begun to listen.
    while (!server_->http.is_running() && !server_->ended) {
        std::this_thread::yield();
    }
    server_->http.stop();
    server_->thread.join();
}

}  // namespace starling
