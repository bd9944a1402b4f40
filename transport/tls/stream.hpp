#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"
#include "transport/descriptor.hpp"

namespace starling {

/// A TCP connection or one end of a Unix socket. At most one read and one write are under way at a
/// time. Callbacks run inside the event loop, never inside the call that asked for them; close()
/// completes those under way with an error.
class Stream {
public:
    /// \param count  bytes moved. 0 of a read without error: end of stream.
    using Done = std::function<void(const std::error_code& failed, std::size_t count)>;
    /// Gives the memory for bytes that have come.
    using Space = std::function<std::span<std::byte>()>;

    virtual ~Stream() = default;
    /// Once, before anything else, on a stream that was not accepted.
    virtual void connect(const Address& address, std::function<void(Result<void>)> done) = 0;
    /// Asks `space` only once there are bytes, right before `done`: so streams can share it.
    virtual void read_some(Space space, Done done) = 0;
    /// Writes what the kernel takes of `parts` without waiting. \return  bytes; those that are left
    /// are for write(), which also tells what is wrong if there is an error.
    virtual std::size_t write_at_once(std::span<const ByteView> parts) = 0;
    /// Writes all of `parts` but their first `written` bytes; they must live until `done`.
    virtual void write(std::span<const ByteView> parts, std::size_t written, Done done) = 0;
    /// Of a Unix socket: `files` travel with the first byte of the next write.
    virtual void attach(std::vector<Descriptor> files) = 0;
    /// Those that came with the first read from a Unix socket.
    virtual std::vector<Descriptor> take_attached() = 0;
    /// Shuts down the sending side, behind what was written; reading goes on.
    virtual void finish_sending() = 0;
    virtual void close() = 0;
    /// Adapts the limit on time without an acknowledgement to the rate measured so far. To be
    /// called about once a second while it is open.
    /// \return  advice for the operator, if a limit of the kernel makes the connection slow.
    virtual std::optional<std::string> follow_rate(std::chrono::steady_clock::time_point now) = 0;
    /// The other end, for messages: "127.0.0.1:40112", or the path of a Unix socket.
    virtual const std::string& peer_address() const = 0;
};

}  // namespace starling
