#pragma once

#include <cstdint>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::test {

/// Port 0: any that is not in use. \return  false: it can't be had.
inline bool bind_socket(int socket, const char* ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

/// A port of `ip` at which nothing listens while this object lives: a connection to it is refused,
/// and no other program gets it.
class RefusingPort {
public:
    explicit RefusingPort(const char* ip)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        socklen_t size = sizeof(address);
        if (!bind_socket(socket_, ip, 0) ||
            ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no free port");
        }
        number_ = ntohs(address.sin_port);
    }
    RefusingPort(const RefusingPort&) = delete;
    RefusingPort& operator=(const RefusingPort&) = delete;
    ~RefusingPort() { ::close(socket_); }

    std::uint16_t number() const { return number_; }

private:
    int socket_;
    std::uint16_t number_ = 0;
};

/// Whether a program could listen at this port now.
inline bool can_bind(const char* ip, std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool free = bind_socket(socket, ip, port);
    ::close(socket);
    return free;
}

/// A TCP port of `ip` that is not in use now and that no earlier call in this process has returned:
/// a test may use one port number at several addresses. Tests that run at the same time begin at
/// different ports. All are below the range from which Linux takes ports for outgoing connections
/// (32768 to 60999), so none of those gets a port while a test restarts the node that listens
/// there. None is a default port of our programs, which the examples use, also beside other tests.
inline std::uint16_t free_port(const char* ip = "127.0.0.1") {
    constexpr std::uint16_t default_sl_port = 16000;
    constexpr std::uint16_t default_sn_port = 30304;
    constexpr unsigned lowest = 10240;
    constexpr unsigned count = 22000;
    static unsigned next = static_cast<unsigned>(::getpid()) * 16;
    for (unsigned tried = 0; tried < count; ++tried) {
        const auto port = static_cast<std::uint16_t>(lowest + next++ % count);
        if (port != default_sl_port && port != default_sn_port && can_bind(ip, port)) {
            return port;
        }
    }
    throw std::runtime_error("no free port");
}

}  // namespace starling::test
