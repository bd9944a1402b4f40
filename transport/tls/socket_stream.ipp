// Part of event_loop.cpp: no header includes Asio.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include <asio.hpp>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "transport/tls/listen_socket.hpp"
#include "transport/tls/passed_files.hpp"
#include "transport/tls/stream.hpp"
#include "transport/tls/tcp_options.hpp"

namespace starling {
namespace {

using Socket = asio::generic::stream_protocol::socket;
using GenericEndpoint = asio::generic::stream_protocol::endpoint;

/// A TCP or Unix socket by Asio: connecting, reading and writing, and the TCP options. It knows no
/// frames and no TLS; everything runs in the thread that calls EventLoop::run_one_until().
class SocketStream final : public Stream, public std::enable_shared_from_this<SocketStream> {
    using tcp = asio::ip::tcp;
    /// Bytes per system call; Asio's default is 64 KiB.
    static constexpr std::size_t write_at_once_max = std::size_t{1} << 20U;

public:
    explicit SocketStream(asio::io_context& io) : socket_(io), resolver_(io) {}
    /// \param unix_socket  descriptors may come with the first bytes.
    SocketStream(Socket socket, std::string peer, bool unix_socket)
        : socket_(std::move(socket)),
          resolver_(socket_.get_executor()),
          peer_(std::move(peer)),
          files_may_come_(unix_socket) {}

    void connect(const Address& address, std::function<void(Result<void>)> done) override {
        peer_ = to_string(address);
        connected_ = std::move(done);
        if (address.port == 0) {
            files_may_come_ = true;
            if (Result<void> fits = check_socket_path(address.host); !fits) {
                return connect_later(fits.error());
            }
            const asio::local::stream_protocol::endpoint path(address.host.c_str());
            return connect_to({GenericEndpoint(path)});
        }
        asio::error_code not_numeric;
        const asio::ip::address ip = asio::ip::make_address(address.host.c_str(), not_numeric);
        if (!not_numeric) {
            return connect_to({GenericEndpoint(tcp::endpoint(ip, address.port))});
        }
        resolver_.async_resolve(
            address.host, std::to_string(address.port), tcp::resolver::numeric_service,
            [self = shared_from_this()](const asio::error_code& failed,
                                        const tcp::resolver::results_type& results) {
                if (failed) {
                    return self->finish_connect(failed);
                }
                std::vector<GenericEndpoint> found;
                for (const auto& result : results) {
                    found.emplace_back(result.endpoint());
                }
                self->connect_to(std::move(found));
            });
    }

    void read_some(Space space, Done done) override {
        socket_.async_wait(
            Socket::wait_read, [self = shared_from_this(), space = std::move(space),
                                done = std::move(done)](asio::error_code failed) mutable {
                ssize_t count = 0;
                if (!failed) {
                    count = self->receive(space());
                    failed = count < 0 ? system_error() : asio::error_code();
                }
                if (failed == asio::error::would_block || failed == asio::error::interrupted) {
                    return self->read_some(std::move(space), std::move(done));
                }
                done(failed, failed ? 0 : static_cast<std::size_t>(count));
            });
    }

    /// What is attached has to wait for write().
    std::size_t write_at_once(std::span<const ByteView> parts) override {
        constexpr std::size_t parts_max = 16;
        if (!attached_.empty()) {
            return 0;
        }
        std::array<iovec, parts_max> pieces{};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = std::min(parts.size(), pieces.size());
        for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
            pieces[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
        }
        const ssize_t sent =
            ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        const std::size_t count = sent > 0 ? static_cast<std::size_t>(sent) : 0;
        written_bytes_ += count;
        return count;
    }

    void write(std::span<const ByteView> parts, std::size_t written, Done done) override {
        std::vector<asio::const_buffer> buffers;
        buffers.reserve(parts.size());
        for (const ByteView part : parts) {
            const std::size_t skipped = std::min(written, part.size());
            written -= skipped;
            if (skipped < part.size()) {
                buffers.emplace_back(part.data() + skipped, part.size() - skipped);
            }
        }
        attached_.empty() ? write_all(buffers, std::move(done))
                          : write_first(std::move(buffers), std::move(done));
    }

    void attach(std::vector<Descriptor> files) override { attached_ = std::move(files); }
    std::vector<Descriptor> take_attached() override { return std::exchange(received_, {}); }

    /// On a link shared by many connections one may wait long for its turn: the limit is 20 times
    /// the duration of 16 KiB at the measured rate. On a cut link nothing is acknowledged, which
    /// changes neither rate nor limit.
    std::optional<std::string> follow_rate(std::chrono::steady_clock::time_point now) override {
        int unconfirmed = 0;
        if (!socket_.is_open() || endpoint_family() == AF_UNIX ||
            ::ioctl(socket_.native_handle(), SIOCOUTQ, &unconfirmed) != 0) {
            return std::nullopt;
        }
        const auto queued = static_cast<std::uint64_t>(std::max(unconfirmed, 0));
        const std::uint64_t confirmed = written_bytes_ - std::min(written_bytes_, queued);
        if (confirmed > confirmed_bytes_ && queued > 0 && measured_at_) {
            const double seconds = std::chrono::duration<double>(now - *measured_at_).count();
            const double rate = static_cast<double>(confirmed - confirmed_bytes_) / seconds;
            bytes_per_second_ = bytes_per_second_ ? (*bytes_per_second_ + rate) / 2 : rate;
            const double limit_ms = 20.0 * 16'384 / std::max(*bytes_per_second_, 1.0) * 1000;
            const int limit = static_cast<int>(
                std::clamp<double>(limit_ms, user_timeout_ms, longest_user_timeout_ms));
            set_user_timeout(socket_.native_handle(), limit);
        }
        if (confirmed > confirmed_bytes_ || queued == 0) {
            measured_at_ = now;
        }
        confirmed_bytes_ = confirmed;
        const std::optional<SendBufferUse> use = send_buffer_use(socket_.native_handle());
        const std::optional<std::uint64_t> most = send_buffer_max();
        return use && most ? buffer_watch_.update(*use, *most) : std::nullopt;
    }

    void finish_sending() override {
        asio::error_code ignored;  // the peer may be gone already
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

    void close() override {
        asio::error_code ignored;
        resolver_.cancel();
        socket_.close(ignored);
    }

    const std::string& peer_address() const override { return peer_; }

private:
    void write_all(const std::vector<asio::const_buffer>& buffers, Done done) {
        asio::async_write(
            socket_, buffers,
            [](const asio::error_code& failed, std::size_t) {
                return failed ? std::size_t{0} : write_at_once_max;
            },
            [self = shared_from_this(), done = std::move(done)](const asio::error_code& failed,
                                                                std::size_t count) {
                self->written_bytes_ += count;
                done(failed, count);
            });
    }

    /// Sends what is attached with the first of `buffers`, then the rest.
    void write_first(std::vector<asio::const_buffer> buffers, Done done) {
        socket_.async_wait(Socket::wait_write, [self = shared_from_this(), done = std::move(done),
                                                buffers = std::move(buffers)](
                                                   asio::error_code failed) mutable {
            ssize_t count = 0;
            if (!failed) {
                const ByteView first(static_cast<const std::byte*>(buffers.front().data()),
                                     buffers.front().size());
                count = send_with_files(self->socket_.native_handle(), first, self->attached_);
                failed = count < 0 ? system_error() : asio::error_code();
            }
            if (failed == asio::error::would_block || failed == asio::error::interrupted) {
                return self->write_first(std::move(buffers), std::move(done));
            }
            self->attached_.clear();
            if (failed) {
                return done(failed, 0);
            }
            const auto sent = static_cast<std::size_t>(count);
            buffers.front() += sent;
            self->write_all(buffers, [sent, done](const std::error_code& why, std::size_t more) {
                done(why, sent + more);
            });
        });
    }

    /// Like recv() that never blocks.
    ssize_t receive(std::span<std::byte> space) {
        if (!files_may_come_) {
            return ::recv(socket_.native_handle(), space.data(), space.size(), MSG_DONTWAIT);
        }
        const ssize_t count = receive_with_files(socket_.native_handle(), space, received_);
        files_may_come_ = count < 0;
        return count;
    }

    static asio::error_code system_error() { return {errno, asio::error::get_system_category()}; }

    int endpoint_family() const {
        asio::error_code failed;
        return socket_.local_endpoint(failed).protocol().family();
    }

    void connect_to(std::vector<GenericEndpoint> found) {
        if (found.empty()) {
            return finish_connect(asio::error::host_not_found);
        }
        endpoints_ = std::move(found);
        try_next({});
    }

    void try_next(const asio::error_code& failed) {
        if (next_ == endpoints_.size() || failed == asio::error::operation_aborted) {
            return finish_connect(failed);
        }
        asio::error_code ignored;
        socket_.close(ignored);
        const GenericEndpoint& endpoint = endpoints_[next_++];
        asio::error_code not_opened;
        socket_.open(endpoint.protocol(), not_opened);
        if (not_opened) {
            return finish_connect(not_opened);
        }
        // A child process must not hold connections open.
        ::fcntl(socket_.native_handle(), F_SETFD, FD_CLOEXEC);
        avoid_pacing_within_host(socket_.native_handle(), *endpoint.data());
        socket_.async_connect(endpoint, [self = shared_from_this()](const asio::error_code& why) {
            why ? self->try_next(why) : self->finish_connect({});
        });
    }

    void finish_connect(const asio::error_code& failed) {
        if (failed) {
            return report(
                Error{Errc::unreachable, "can't connect to " + peer_ + ": " + failed.message()});
        }
        if (endpoints_[next_ - 1].protocol().family() == AF_UNIX) {
            if (Result<void> same = check_same_user(socket_.native_handle()); !same) {
                return report(Error{same.error().code, peer_ + ": " + same.error().message});
            }
        } else {
            set_tcp_options(socket_.native_handle());
        }
        report({});
    }

    void connect_later(Error error) {
        asio::post(socket_.get_executor(),
                   [self = shared_from_this(), error = std::move(error)] { self->report(error); });
    }

    void report(Result<void> result) { std::exchange(connected_, {})(std::move(result)); }

    Socket socket_;
    tcp::resolver resolver_;
    std::string peer_;
    bool files_may_come_ = false;       ///< nothing was read yet
    std::vector<Descriptor> received_;  ///< with the first bytes
    std::vector<Descriptor> attached_;  ///< to the next bytes written
    std::function<void(Result<void>)> connected_;
    std::vector<GenericEndpoint> endpoints_;
    std::size_t next_ = 0;               ///< in endpoints_: to be tried next
    std::uint64_t written_bytes_ = 0;    ///< accepted by the kernel
    std::uint64_t confirmed_bytes_ = 0;  ///< of these, acknowledged at the last follow_rate()
    std::optional<std::chrono::steady_clock::time_point>
        measured_at_;                         ///< last progress or idleness
    std::optional<double> bytes_per_second_;  ///< average while busy
    SendBufferWatch buffer_watch_;
};

}  // namespace
}  // namespace starling
