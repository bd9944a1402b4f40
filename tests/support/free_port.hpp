#pragma once

#include <cstdint>
#include <set>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::test {

/// A port of `ip` at which nothing listens while this object lives: a connection to it is refused,
/// and no other program gets it.
class RefusingPort {
public:
    explicit RefusingPort(const char* ip)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        ::inet_pton(AF_INET, ip, &address.sin_addr);
        socklen_t size = sizeof(address);
        if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
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

/// A TCP port of `ip` that is not in use now and that no earlier call in this process has returned:
/// a test may use one port number at several addresses.
inline std::uint16_t free_port(const char* ip = "127.0.0.1") {
    static std::set<std::uint16_t> given;
    std::uint16_t port = RefusingPort(ip).number();
    while (!given.insert(port).second) {
        port = RefusingPort(ip).number();
    }
    return port;
}

}  // namespace starling::test
