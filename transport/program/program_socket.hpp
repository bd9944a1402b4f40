#pragma once

#include <deque>
#include <optional>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "transport/descriptor.hpp"
#include "transport/tls/shared_region.hpp"

namespace starling {

/// One end of a Unix socket (SOCK_STREAM) between two processes of one user that take turns. It
/// carries records: a head of some bytes, and a payload that may be a whole model and lies in
/// memory that both map. Each end has memory of its own for what it sends, as large as the largest
/// payload so far, and writes it anew for each record: a payload is valid until the other end has
/// sent the next one.
class ProgramSocket {
public:
    static constexpr std::size_t head_bytes_max = std::size_t{8} * 1024 * 1024;

    struct Record {
        Bytes head;
        Blob payload;
    };

    explicit ProgramSocket(Descriptor socket) : socket_(std::move(socket)) {}

    /// Waits until all of it is sent. Errc::unreachable: the other end has closed; Errc::io: no
    /// memory can be shared.
    Result<void> send(ByteView head, std::span<const Blob> payload = {});
    /// The next record; nothing: it is not complete. Never waits. Errc::unreachable: the other end
    /// has closed; Errc::malformed, Errc::too_large, Errc::refused: these are no records.
    Result<std::optional<Record>> receive();
    /// The same, but waits for it.
    Result<Record> receive_next();
    /// Ends receive_next() in another thread, which gets Errc::unreachable.
    void stop_receiving();

    int number() const { return socket_.number(); }

private:
    Result<void> put_payload(std::span<const Blob> payload, std::uint64_t size);
    Result<void> send_all(ByteView bytes, bool with_region);
    Result<std::optional<Record>> take_record();
    Result<void> take_region(std::uint64_t size);

    Descriptor socket_;
    std::optional<SharedRegion> outgoing_;
    std::shared_ptr<SharedRegion> incoming_;
    Bytes received_;                  ///< not taken yet
    std::size_t taken_ = 0;           ///< of received_
    std::deque<Descriptor> regions_;  ///< that came with received_
};

}  // namespace starling
