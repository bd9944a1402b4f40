#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "transport/descriptor.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

class TlsContext;

/// Bytes encrypted at a time, between checks of how much is queued for the socket.
constexpr std::size_t write_chunk_bytes = std::size_t{64} * 1024;

/// The layer between the frames of a connection and its socket: TLS records, or nothing on a Unix
/// socket. It does no I/O: the session moves bytes between channel and socket.
class Channel {
public:
    virtual ~Channel() = default;

    /// Continues the handshake with the bytes received so far. \return  true once both sides are
    /// authenticated.
    virtual Result<bool> handshake() = 0;
    /// The identity in the peer's certificate; nothing on a Unix socket. Valid after the handshake.
    virtual const std::optional<Identity>& certified() const = 0;
    /// Whether the peer's certificate would be accepted under `context`; always on a Unix socket.
    virtual Result<void> recheck_certificate(const TlsContext& context) const = 0;
    /// To be called once the peer is accepted: permits large buffers.
    virtual void expect_bulk() = 0;

    /// Descriptors to be sent with this end's first byte; none, unless it is of a Unix socket.
    virtual std::vector<Descriptor> offer() { return {}; }
    /// Those that came with the other end's first byte. Before received().
    virtual void take_offer(std::vector<Descriptor> /*files*/) {}
    /// For the log, once the peer is accepted: memory_is_shared, or why not although an end wanted
    /// to; empty otherwise.
    virtual std::string_view sharing() const { return {}; }

    /// Space for bytes from the socket; their number is then passed to received(). It may be that
    /// of all channels of this thread, until keep_unread().
    virtual std::span<std::byte> receive_space() = 0;
    virtual void received(std::size_t count) = 0;
    /// To be called before another channel receives.
    virtual void keep_unread() {}
    /// Moves plaintext into `space`. \return  its size; 0: more bytes of the socket are needed.
    virtual Result<std::size_t> read(std::span<std::byte> space) = 0;
    /// The next `count` bytes, if they can be had without copying them; else nothing, and read()
    /// has them.
    virtual Result<std::optional<Blob>> borrow(std::size_t /*count*/) {
        return std::optional<Blob>();
    }
    /// Whether the peer has ended its stream (close_notify of TLS).
    virtual bool peer_finished() const = 0;

    /// How many bytes of `piece` from `offset` the next write() should have. 0: the peer has to
    /// read first, and this end is told so by read().
    virtual std::size_t may_write(const Blob& piece, std::size_t offset) const {
        return std::min(piece.size() - offset, write_chunk_bytes);
    }
    /// read() will not be called any more.
    virtual void expect_no_more() {}
    /// Queues `count` bytes of `piece` from `offset` for the socket. \pre count is what
    /// may_write(piece, offset) returns
    virtual Result<void> write(const Blob& piece, std::size_t offset, std::size_t count) = 0;
    /// Ends this side's stream (close_notify of TLS).
    virtual void finish() = 0;
    /// Bytes queued for the socket.
    virtual std::size_t pending() const = 0;
    /// Takes the queued bytes. They stay valid until the next take().
    virtual std::span<const ByteView> take() = 0;
    /// To be called when all bytes taken are sent and none are queued: frees large buffers.
    virtual void sent_all() = 0;

    /// Whether another connection would end with the same error as this one.
    virtual bool error_is_fatal() const = 0;
};

/// See Channel::sharing().
constexpr const char* memory_is_shared = "large frames pass through shared memory";

/// Size of a read. Measured: below 256 KiB, system calls and wake-ups cost throughput.
constexpr std::size_t receive_batch_bytes = std::size_t{256} * 1024;
/// Size of a read before the peer is authenticated: one TLS record.
constexpr std::size_t receive_first_bytes = std::size_t{17} * 1024;

}  // namespace starling
