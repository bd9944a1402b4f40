// The same transfer over a plain TCP connection: what the system allows without TLS and frames. The
// receiver answers with one byte when it has all.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/tls/streams.hpp"

namespace starling::bench {
namespace {

/// Bytes per system call.
constexpr std::size_t call_bytes_max = std::size_t{1} << 20U;

Error failed(const char* what) {
    return {Errc::io, std::string(what) + ": " + std::strerror(errno)};
}

class PlainSide final : public TwoProcesses::Side {
public:
    PlainSide(const StreamOptions& options, bool dials) : dials_(dials), bytes_(options.bytes) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(options.address.port);
        ::inet_pton(AF_INET, options.address.host.c_str(), &address_.sin_addr);
        if (!dials) {
            listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const int on = 1;
            ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            if (::bind(listener_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 ||
                ::listen(listener_, 1) != 0) {
                failed_ = failed("can't listen");
            }
        }
    }
    PlainSide(const PlainSide&) = delete;
    PlainSide& operator=(const PlainSide&) = delete;
    ~PlainSide() override {
        ::close(socket_);
        ::close(listener_);
    }

    Result<void> connect() override {
        if (failed_) {
            return *failed_;
        }
        if (dials_) {
            socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (::connect(socket_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) {
                return failed("can't connect");
            }
        } else if (socket_ = ::accept(listener_, nullptr, nullptr); socket_ < 0) {
            return failed("can't accept");
        }
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return {};
    }

    Result<void> run() override {
        std::byte confirmation{1};
        if (dials_) {
            return send_all(bytes_.data(), bytes_.size()) && receive_all(&confirmation, 1)
                       ? Result<void>{}
                       : failed("the connection broke");
        }
        return receive_all(bytes_.data(), bytes_.size()) && send_all(&confirmation, 1)
                   ? Result<void>{}
                   : failed("the connection broke");
    }

private:
    bool send_all(const std::byte* bytes, std::size_t count) const {
        while (count > 0) {
            const ssize_t sent =
                ::send(socket_, bytes, std::min(count, call_bytes_max), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes += sent;
            count -= static_cast<std::size_t>(sent);
        }
        return true;
    }
    bool receive_all(std::byte* bytes, std::size_t count) const {
        while (count > 0) {
            const ssize_t received = ::recv(socket_, bytes, std::min(count, call_bytes_max), 0);
            if (received <= 0) {
                return false;
            }
            bytes += received;
            count -= static_cast<std::size_t>(received);
        }
        return true;
    }

    bool dials_;
    Bytes bytes_;
    sockaddr_in address_{};
    int listener_ = -1;
    int socket_ = -1;
    std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<TwoProcesses::Side> make_plain_sender(const StreamOptions& options) {
    return std::make_unique<PlainSide>(options, true);
}

std::unique_ptr<TwoProcesses::Side> make_plain_receiver(const StreamOptions& options) {
    return std::make_unique<PlainSide>(options, false);
}

}  // namespace starling::bench
