// The loop of Asio and the sockets that it listens on.
#include "transport/tls/event_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include <asio.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/tls/socket_stream.ipp"
#include "transport/tls/tcp_options.hpp"

namespace starling {
namespace {

constexpr int accept_at_once_max = 16;

std::string address_text(const GenericEndpoint& endpoint, const std::string& otherwise) {
    const int family = endpoint.protocol().family();
    if (family != AF_INET && family != AF_INET6) {
        return otherwise;
    }
    asio::ip::tcp::endpoint ip;
    ip.resize(endpoint.size());
    std::memcpy(ip.data(), endpoint.data(), endpoint.size());
    return to_string(Address{ip.address().to_string(), ip.port()});
}

/// Accepts connections until it is closed. Without free descriptors the socket would stay readable
/// and the loop spin; so one is kept in reserve, to accept a connection with and close it (as the
/// manual of libev suggests).
class Listener : public std::enable_shared_from_this<Listener> {
public:
    Listener(asio::io_context& io, const ListenSocket& socket, EventLoop::Accepted accepted,
             std::function<void(std::string)> log)
        : io_(io),
          waiter_(io, ::fcntl(socket.descriptor(), F_DUPFD_CLOEXEC, 0)),
          address_(socket.address()),
          accepted_(std::move(accepted)),
          log_(std::move(log)),
          reserve_(open_reserve()) {}
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { ::close(reserve_); }

    void wait() {
        waiter_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const asio::error_code& failed) {
                               if (!failed) {
                                   self->accept_some();
                                   self->wait();
                               }
                           });
    }
    void close() {
        asio::error_code ignored;
        waiter_.close(ignored);
    }

private:
    static int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

    void accept_some() {
        for (int i = 0; i < accept_at_once_max && waiter_.is_open(); ++i) {
            sockaddr_storage from{};
            socklen_t size = sizeof from;
            const int descriptor =
                ::accept4(waiter_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (descriptor >= 0) {
                take(descriptor, from, size);
            } else if (errno == EMFILE || errno == ENFILE) {
                hang_up();
                return;
            } else if (errno != EINTR && errno != ECONNABORTED) {
                return;
            }
        }
    }

    void hang_up() {
        ::close(reserve_);
        const int descriptor = ::accept(waiter_.native_handle(), nullptr, nullptr);
        if (descriptor >= 0) {
            ::close(descriptor);
        }
        reserve_ = open_reserve();
        log_("a connection to " + to_string(address_) +
             " was dropped: out of file descriptors (raise ulimit -n)");
    }

    void take(int descriptor, const sockaddr_storage& from, socklen_t size) {
        const int family = from.ss_family;
        Socket socket(io_, asio::generic::stream_protocol(family, 0), descriptor);
        std::string peer = to_string(address_);
        if (family == AF_UNIX) {
            if (Result<void> same = check_same_user(descriptor); !same) {
                log_(peer + ": " + same.error().message);
                return;
            }
        } else {
            set_tcp_options(descriptor);
            peer = address_text(GenericEndpoint(&from, size), peer);
        }
        accepted_(
            std::make_shared<SocketStream>(std::move(socket), std::move(peer), family == AF_UNIX));
    }

    asio::io_context& io_;
    asio::posix::stream_descriptor waiter_;
    Address address_;
    EventLoop::Accepted accepted_;
    std::function<void(std::string)> log_;
    int reserve_;
};

}  // namespace

struct EventLoop::Impl {
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Listener>> listeners;
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

SwarmTime EventLoop::now() const {
    return SwarmTime{std::chrono::steady_clock::now() - impl_->start};
}

bool EventLoop::run_one_until(SwarmTime deadline) {
    // Bounded, since a far deadline could overflow Asio's clock; the caller calls again.
    const SwarmDuration wait =
        std::min<SwarmDuration>(deadline.time_since_epoch(),
                                now().time_since_epoch() + std::chrono::hours(1)) -
        now().time_since_epoch();
    if (wait <= SwarmDuration{0}) {
        return impl_->io.poll_one() > 0;
    }
    return impl_->io.run_one_for(wait) > 0;
}

void EventLoop::wake() {
    asio::post(impl_->io, [] {});
}

void EventLoop::listen(const ListenSocket& socket, Accepted accepted,
                       std::function<void(std::string)> log) {
    impl_->listeners.push_back(
        std::make_shared<Listener>(impl_->io, socket, std::move(accepted), std::move(log)));
    impl_->listeners.back()->wait();
}

void EventLoop::stop_listening() {
    for (const std::shared_ptr<Listener>& listener : impl_->listeners) {
        listener->close();
    }
    impl_->listeners.clear();
}

std::shared_ptr<Stream> EventLoop::make_stream() {
    return std::make_shared<SocketStream>(impl_->io);
}

}  // namespace starling
