// Listening sockets: TCP for TLS, Unix sockets for processes of one host. On the latter the mode
// 0600 and the peer's user ID, which the kernel reports (SO_PEERCRED), take the place of
// certificates.
#include "transport/tls/listen_socket.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/tls/tcp_options.hpp"

namespace starling {
namespace {

constexpr int backlog = 512;

std::string system_text(int code) { return std::generic_category().message(code); }

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

int open_descriptor(int family) {
    return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// The socket file of a killed program would make bind() fail forever. Whether a program still
/// listens on it is found out by connecting.
Result<void> remove_stale(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        return {};
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Error{Errc::io, path + " is no socket: remove it or choose another path"};
    }
    const int probe = open_descriptor(AF_UNIX);
    if (probe < 0) {
        return Error{Errc::io, "can't open a socket: " + system_text(errno)};
    }
    const sockaddr_un address = unix_address(path);
    const int code = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int why = errno;
    ::close(probe);
    if (code == 0 || why == EAGAIN) {
        return Error{Errc::io, "socket " + path +
                                   " is in use: stop the program that uses it or choose another"};
    }
    if (why == ECONNREFUSED && ::unlink(path.c_str()) != 0) {
        return Error{Errc::io, "can't remove the old socket " + path + ": " + system_text(errno)};
    }
    return {};
}

Result<int> listen_unix(const std::string& path) {
    if (Result<void> fits = check_socket_path(path); !fits) {
        return fits.error();
    }
    if (Result<void> removed = remove_stale(path); !removed) {
        return removed.error();
    }
    const int descriptor = open_descriptor(AF_UNIX);
    const sockaddr_un address = unix_address(path);
    // The mode is set before anybody can connect, which needs listen().
    if (descriptor < 0 ||
        ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(descriptor, backlog) != 0) {
        const int why = errno;
        if (descriptor >= 0) {
            ::close(descriptor);
        }
        return Error{Errc::io, "can't listen on socket " + path + ": " + system_text(why)};
    }
    return descriptor;
}

Error bind_error(const Address& address, int why) {
    const std::string port = std::to_string(address.port);
    if (why == EADDRINUSE) {
        return {Errc::io, "port " + port + " on " + address.host +
                              " is in use: stop the program that uses it or choose another port"};
    }
    if (why == EADDRNOTAVAIL) {
        return {Errc::io, address.host + " is no address of this host: can't listen on " +
                              to_string(address)};
    }
    if (why == EACCES) {
        return {Errc::io, "port " + port + " on " + address.host +
                              " needs more rights than this program has: choose one above 1023"};
    }
    return {Errc::io, "can't listen on " + to_string(address) + ": " + system_text(why)};
}

Result<int> listen_tcp(const Address& address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int code =
        ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
    if (code != 0) {
        return Error{Errc::io,
                     "can't listen on " + to_string(address) + ": " + ::gai_strerror(code)};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(list, &::freeaddrinfo);
    const int descriptor = open_descriptor(found->ai_family);
    const int on = 1;
    if (descriptor >= 0) {
        avoid_pacing_within_host(descriptor, *found->ai_addr);  // connections inherit it
    }
    if (descriptor < 0 || ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(descriptor, backlog) != 0) {
        const int why = errno;
        if (descriptor >= 0) {
            ::close(descriptor);
        }
        return bind_error(address, why);
    }
    return descriptor;
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const Address& address) {
    Result<int> descriptor = address.port == 0 ? listen_unix(address.host) : listen_tcp(address);
    if (!descriptor) {
        return descriptor.error();
    }
    return ListenSocket(*descriptor, address);
}

ListenSocket::ListenSocket(int descriptor, Address address)
    : descriptor_(descriptor), address_(std::move(address)) {}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), address_(std::move(other.address_)) {}

ListenSocket::~ListenSocket() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        if (is_unix()) {
            ::unlink(address_.host.c_str());
        }
    }
}

Result<void> check_same_user(int descriptor) {
    ucred other{};
    socklen_t size = sizeof other;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &other, &size) != 0) {
        return Error{Errc::refused, "its user id can't be read: " + system_text(errno)};
    }
    if (other.uid != ::geteuid()) {
        return Error{Errc::refused, "it runs as user id " + std::to_string(other.uid) +
                                        ", this node as " + std::to_string(::geteuid()) +
                                        ": run both as the same user"};
    }
    return {};
}

Result<void> check_socket_path(const std::string& path) {
    constexpr std::size_t length_max = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty() || path.size() > length_max) {
        return Error{Errc::usage, "socket path '" + path + "' has " + std::to_string(path.size()) +
                                      " bytes, 1 to " + std::to_string(length_max) +
                                      " are allowed: choose a shorter --workspace"};
    }
    return {};
}

}  // namespace starling
