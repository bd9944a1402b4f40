// A small HTTP server in one thread, with poll(). Bounded in connections, request size and time, so
// that a client that opens many connections or is slow can't keep out Prometheus. The eventfd `end`
// wakes the thread for the destructor.
#include "deploy/metrics/metrics_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/process/process.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
/// One more closes the oldest, so that idle connections can't keep out others.
constexpr std::size_t connections_max = 64;
constexpr std::size_t request_bytes_max = 8192;
constexpr std::chrono::seconds connection_limit{10};  // from accept() to close()

std::string response(std::string_view status, std::string_view type, std::string_view body,
                     bool head_only) {
    std::string text = "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: ";
    text += type;
    text += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
    if (!head_only) {
        text += body;
    }
    return text;
}

/// The response to a complete request head.
std::string answer(const std::string& request, const std::function<std::string()>& text) {
    const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end =
        method_end == std::string_view::npos ? method_end : line.find(' ', method_end + 1);
    if (target_end == std::string_view::npos ||
        !line.substr(target_end + 1).starts_with("HTTP/1.")) {
        return response("400 Bad Request", "text/plain", "This is not an HTTP request\n", false);
    }
    const std::string_view method = line.substr(0, method_end);
    std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    target = target.substr(0, target.find('?'));
    const bool head_only = method == "HEAD";
    if (!head_only && method != "GET") {
        return response("405 Method Not Allowed", "text/plain", "Only GET is supported\n", false);
    }
    if (target != "/metrics") {
        return response("404 Not Found", "text/plain", "The metrics are at /metrics\n", head_only);
    }
    return response("200 OK", content_type, text(), head_only);
}

/// From accept to close: reads a request, answers it, and waits for the peer to close, since
/// closing with unread input would send a reset, which may destroy the answer in flight.
class Connection {
public:
    Connection(Descriptor socket, Clock::time_point until)
        : socket_(std::move(socket)), until_(until) {}

    pollfd poll_request() const {
        return {socket_.number(), static_cast<short>(unsent() > 0 ? POLLOUT : POLLIN), 0};
    }
    Clock::time_point until() const { return until_; }

    /// Reads or writes what the socket permits now. False: the connection has ended.
    bool advance(const std::function<std::string()>& text) {
        if (unsent() > 0) {
            return send_some();
        }
        std::array<char, 4096> bytes{};
        const ssize_t count = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
        if (count <= 0) {
            return count < 0 && (errno == EAGAIN || errno == EINTR);
        }
        if (!out_.empty()) {
            return true;  // answered already: input is discarded
        }
        request_.append(bytes.data(), static_cast<std::size_t>(count));
        if (request_.find("\r\n\r\n") != std::string::npos) {
            out_ = answer(request_, text);
        } else if (request_.size() > request_bytes_max) {
            out_ = response("431 Request Header Fields Too Large", "text/plain", "", false);
        }
        return unsent() == 0 || send_some();
    }

private:
    std::size_t unsent() const { return out_.size() - sent_; }

    bool send_some() {
        const ssize_t count = ::send(socket_.number(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        sent_ += static_cast<std::size_t>(count);
        if (unsent() == 0) {
            ::shutdown(socket_.number(), SHUT_WR);
        }
        return true;
    }

    Descriptor socket_;
    Clock::time_point until_;
    std::string request_;
    std::string out_;
    std::size_t sent_ = 0;
};

Result<Descriptor> listen_on(std::uint16_t port) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int yes = 1;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
            0 &&
        ::listen(socket.number(), SOMAXCONN) == 0) {
        return socket;
    }
    const int code = errno;
    const std::string place = "--metrics-port: port " + std::to_string(port) + " on 127.0.0.1 ";
    return Error{Errc::io, code == EADDRINUSE
                               ? place + "is in use: stop what uses it or choose another port"
                               : place + "can't be opened: " + std::strerror(code)};
}

}  // namespace

struct MetricsServer::Server {
    Server(Descriptor socket, std::function<std::string()> metrics)
        : listener(std::move(socket)), text(std::move(metrics)) {}

    void run();
    void accept_all();
    int wait_ms() const;

    Descriptor listener;
    const Descriptor end{::eventfd(0, EFD_CLOEXEC)};
    const std::function<std::string()> text;
    std::deque<Connection> connections;  ///< oldest first
    std::thread thread;
};

void MetricsServer::Server::accept_all() {
    int socket = -1;
    while ((socket = ::accept4(listener.number(), nullptr, nullptr,
                               SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (connections.size() >= connections_max) {
            connections.pop_front();
        }
        connections.emplace_back(Descriptor(socket), Clock::now() + connection_limit);
    }
    if (errno == EMFILE || errno == ENFILE) {
        if (connections.empty()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        } else {
            connections.pop_front();  // frees a descriptor for the next one
        }
    }
}

int MetricsServer::Server::wait_ms() const {
    if (connections.empty()) {
        return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(connections.front().until() - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count()));
}

void MetricsServer::Server::run() {
    for (;;) {
        std::vector<pollfd> polled = {{end.number(), POLLIN, 0}, {listener.number(), POLLIN, 0}};
        for (const Connection& connection : connections) {
            polled.push_back(connection.poll_request());
        }
        ::poll(polled.data(), polled.size(), wait_ms());
        if (polled[0].revents != 0) {
            return;
        }
        std::deque<Connection> open;
        for (std::size_t i = 0; i < connections.size(); ++i) {
            const bool ready = polled[i + 2].revents != 0;
            if (ready ? connections[i].advance(text) : connections[i].until() > Clock::now()) {
                open.push_back(std::move(connections[i]));
            }
        }
        connections = std::move(open);
        if (polled[1].revents != 0) {
            accept_all();
        }
    }
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(std::uint16_t port,
                                                            std::function<std::string()> text) {
    Result<Descriptor> socket = listen_on(port);
    if (!socket) {
        return socket.error();
    }
    auto server = std::make_unique<Server>(std::move(*socket), std::move(text));
    server->thread = std::thread([&running = *server] { running.run(); });
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(server)));
}

MetricsServer::MetricsServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}

MetricsServer::~MetricsServer() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(server_->end.number(), &one, sizeof(one));
    server_->thread.join();
}

}  // namespace starling
