#pragma once

#include <string>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace starling {

/// A listening socket, non-blocking. Owns the descriptor and, of a Unix socket, the file.
class ListenSocket {
public:
    /// Errc::io, with a message that names the address; Errc::usage: see check_socket_path().
    static Result<ListenSocket> open(const Address& address);

    ListenSocket(ListenSocket&& other) noexcept;
    ListenSocket& operator=(ListenSocket&&) = delete;
    ~ListenSocket();

    int descriptor() const { return descriptor_; }
    const Address& address() const { return address_; }
    bool is_unix() const { return address_.port == 0; }

private:
    ListenSocket(int descriptor, Address address);

    int descriptor_;
    Address address_;
};

/// Errc::refused unless the process at the other end of the Unix socket has this process's user id.
Result<void> check_same_user(int descriptor);

/// Errc::usage if the path is too long for a Unix socket.
Result<void> check_socket_path(const std::string& path);

}  // namespace starling
