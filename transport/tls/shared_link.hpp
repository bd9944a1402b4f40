#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "transport/tls/shared_region.hpp"

namespace starling {

/// The two regions of a connection, as one end uses them.
struct SharedRings {
    SharedRegion out;  ///< written by this end
    SharedRegion in;   ///< read by this end
};

/// One end of a byte stream between two processes of a host, of which the large pieces pass through
/// shared memory and the rest through a socket. It does no I/O: its records are moved to the other
/// end's by the caller, in order.
///
/// Each region is a ring in one direction. A record on the socket says how many bytes of the ring
/// belong to the stream next; another gives space back. So nothing but these bytes is read from
/// shared memory, each once, into memory of this process; a process that writes into the ring at
/// the wrong time spoils its own stream and nothing else.
///
/// A record: magic u32 ("RING"), kind u32, count u32, offset u32; little-endian.
///   1 bytes follow: `count` bytes of the stream stand behind the record
///   2 bytes in the ring: `count`, from `offset`, which must be where the last ones ended
///   3 credit: `count` bytes were read and can be overwritten
class SharedLink {
public:
    static constexpr std::uint32_t magic = 0x474e4952;
    static constexpr std::size_t record_bytes = 16;
    /// Smaller pieces follow their record: a copy by the kernel costs less than sharing them.
    static constexpr std::size_t ring_piece_min = std::size_t{16} * 1024;
    /// A credit is sent for so many bytes: seldom, and long before the writer has to wait for it.
    static constexpr std::size_t credit_bytes = shared_region_bytes / 8;

    explicit SharedLink(SharedRings rings) : rings_(std::move(rings)) {}

    /// Whether there is space for a piece of this size; else a credit has to be read first. There
    /// will be for one of at most shared_region_bytes - credit_bytes.
    bool may_write(std::size_t count) const;
    /// \pre  may_write(piece.size())
    void write(ByteView piece);
    /// read() will not be called any more: all pieces go through the socket.
    void expect_no_credit() { credits_end_ = true; }
    /// Bytes of the stream and of records written since take().
    std::size_t pending() const { return records_.size() + ring_pending_; }
    /// Records for the other end's read().
    Bytes take();

    /// Moves bytes of the stream into `space`, and consumes those of `records` that this needs.
    /// \return  their number; 0: more records are needed. Errc::malformed: the other end is not
    /// one of ours.
    Result<std::size_t> read(ByteView& records, std::span<std::byte> space);

private:
    enum class Kind : std::uint32_t { bytes_follow = 1, bytes_in_ring = 2, credit = 3 };

    void add_record(Kind kind, std::size_t count, std::size_t offset);
    Result<void> begin(ByteView record);
    void copy_from_ring(std::span<std::byte> space);

    SharedRings rings_;
    // Sending.
    Bytes records_;
    std::size_t ring_pending_ = 0;  ///< bytes put into the ring since take()
    std::size_t write_at_ = 0;      ///< offset in rings_.out
    std::size_t unread_ = 0;        ///< bytes in rings_.out without a credit
    bool credits_end_ = false;
    // Receiving.
    std::array<std::byte, record_bytes> record_{};
    std::size_t record_here_ = 0;
    Kind kind_ = Kind::bytes_follow;
    std::size_t left_ = 0;     ///< bytes of the stream that belong to the record
    std::size_t read_at_ = 0;  ///< offset in rings_.in
    std::size_t owed_ = 0;     ///< bytes announced in rings_.in and not given back
    std::size_t done_ = 0;     ///< of these, read
};

}  // namespace starling
