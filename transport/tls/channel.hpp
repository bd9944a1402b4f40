#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "transport/tls/tls_endpoint.hpp"

namespace starling {

class TlsContext;

/// What stands between the frames of one connection and its socket: TLS records, or nothing for a
/// Unix socket. It does no input or output: bytes are handed in and taken out.
class Channel {
public:
    virtual ~Channel() = default;

    /// One step of the handshake with the bytes at hand. \return  true once both sides are proven.
    virtual Result<bool> handshake() = 0;
    /// Who the peer's certificate is for; nothing for a Unix socket. Valid after the handshake.
    virtual const std::optional<Identity>& certified() const = 0;
    /// Whether the peer's certificate would be accepted under `context`; always, for a Unix socket.
    virtual Result<void> check_again(const TlsContext& context) const = 0;
    /// The peer is accepted: from now on large buffers are worth their memory.
    virtual void expect_bulk() = 0;

    /// Where bytes from the socket go; `received` says how many came.
    virtual std::span<std::byte> receive_space() = 0;
    virtual void received(std::size_t count) = 0;
    /// Moves plain bytes into `space`. \return  how many; 0 if the socket must bring more first.
    virtual Result<std::size_t> read(std::span<std::byte> space) = 0;
    /// The peer said that nothing more comes.
    virtual bool peer_finished() const = 0;

    /// Adds `count` bytes of `piece` from `offset` to what is to be sent.
    virtual Result<void> write(const Blob& piece, std::size_t offset, std::size_t count) = 0;
    /// Tells the peer that nothing more comes.
    virtual void finish() = 0;
    /// Bytes that wait to be taken.
    virtual std::size_t pending() const = 0;
    /// Takes them. They stay valid until the next take().
    virtual std::span<const ByteView> take() = 0;

    /// Of the last error: a second try would end in the same way.
    virtual bool error_is_fatal() const = 0;
};

/// How much is read from a socket at once, and how much is sent at once at least while more waits:
/// measured, below 128 KiB system calls and wake-ups cost throughput, above 256 KiB nothing is
/// gained.
constexpr std::size_t receive_batch_bytes = std::size_t{256} * 1024;
constexpr std::size_t send_batch_bytes = std::size_t{128} * 1024;
/// Before the peer is proven it gets no more than one TLS record's worth.
constexpr std::size_t receive_first_bytes = std::size_t{17} * 1024;

}  // namespace starling
