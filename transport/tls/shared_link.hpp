#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "transport/tls/shared_pool.hpp"
#include "transport/tls/shared_region.hpp"

namespace starling {

/// The two regions of a connection, as one end uses them.
struct SharedRings {
    SharedRegion out;  ///< written by this end
    SharedRegion in;   ///< read by this end
};

/// What the ends have besides; each may be missing.
struct SharedPools {
    std::shared_ptr<SharedPool> own;           ///< passed to the other end
    std::shared_ptr<const SharedRegion> peer;  ///< the other end's, mapped
    bool trusts_peer = false;                  ///< that it leaves alone what it has lent
};

/// Pages that are to be given back. Thread-safe: the last owner of what was borrowed adds one.
class ReturnedPages {
public:
    void add(std::uint32_t page) {
        const std::lock_guard lock(mutex_);
        pages_.push_back(page);
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return pages_.size();
    }
    std::vector<std::uint32_t> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(pages_, {});
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::uint32_t> pages_;
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
/// Pieces that lie in a pool already (parameters, merged segments) are not written again. A record
/// says where they are; the writer leaves them as they are until the reader has given them back.
/// A reader that keeps what it was lent gets the next pieces through the ring.
///
/// A record: magic u32 ("RING"), kind u32, count u32, offset u32; little-endian.
///   1 bytes follow: `count` bytes of the stream stand behind the record
///   2 bytes in the ring: `count`, from `offset`, which must be where the last ones ended
///   3 credit: `count` bytes were read and can be overwritten
///   4 pool taken: the sender of this record reads the other end's pool; count 1, offset 0
///   5 bytes in the pool: `count`, from the beginning of page `offset` of the sender's pool
///   6 given back: what was lent from page `offset` of the other end's pool; count 1
class SharedLink {
public:
    static constexpr std::uint32_t magic = 0x474e4952;
    static constexpr std::size_t record_bytes = 16;
    /// Smaller pieces follow their record: a copy by the kernel costs less than sharing them.
    static constexpr std::size_t ring_piece_min = std::size_t{16} * 1024;
    /// A credit is sent for so many bytes: seldom, and long before the writer has to wait for it.
    static constexpr std::size_t credit_bytes = shared_region_bytes / 8;

    /// From so many on, pages are given back at once; fewer wait for the next bytes that are sent.
    static constexpr std::size_t returns_at_once = 16;
    /// More than an honest end has lent: it lends nothing twice before that is given back.
    static constexpr std::size_t returns_max = std::size_t{1} << 18U;

    explicit SharedLink(SharedRings rings, SharedPools pools = {});

    /// Whether there is space for a piece of this size; else a credit has to be read first. There
    /// will be for one of at most shared_region_bytes - credit_bytes.
    bool may_write(std::size_t count) const;
    /// \pre  may_write(piece.size())
    void write(ByteView piece);
    /// Whether lend() can be used for this piece.
    bool may_lend(const Blob& piece) const;
    /// The same as write(piece.view()) without a copy. Keeps the piece until it is given back.
    /// \pre  may_lend(piece)
    void lend(const Blob& piece);
    /// read() will not be called any more: all pieces go through the socket.
    void expect_no_credit() { credits_end_ = true; }
    /// Bytes of the stream and of records written since take().
    std::size_t pending() const {
        const std::size_t returns = returns_->count();
        return records_.size() + ring_pending_ +
               (returns < returns_at_once ? 0 : record_bytes * returns);
    }
    /// Records for the other end's read().
    Bytes take();

    /// The next `count` bytes of the stream, if they are one piece of a trusted pool;
    /// else nothing, and read() has them. They are given back when nobody owns them any more.
    Result<std::optional<Blob>> borrow(ByteView& records, std::size_t count);
    /// Moves bytes of the stream into `space`, and consumes those of `records` that this needs.
    /// \return  their number; 0: more records are needed. Errc::malformed: the other end is not
    /// one of ours.
    Result<std::size_t> read(ByteView& records, std::span<std::byte> space);

private:
    enum class Kind : std::uint32_t {
        bytes_follow = 1,
        bytes_in_ring = 2,
        credit = 3,
        pool_taken = 4,
        bytes_in_pool = 5,
        given_back = 6,
    };
    struct Lent {
        Blob piece;
        std::uint64_t turn = 0;  ///< turn_ when it was lent
    };
    struct PoolPlace {
        std::uint32_t page = 0;  ///< where the piece begins
        std::uint64_t next = 0;  ///< offset of its next byte
    };

    void add_record(Kind kind, std::size_t count, std::size_t offset);
    void add_returns();
    Result<bool> next_record(ByteView& records);
    Result<void> begin(ByteView record);
    Result<void> begin_bytes(Kind kind, std::size_t count, std::size_t offset);
    Result<void> take_back(std::uint32_t page);
    void copy_from_pool(std::span<std::byte> space);
    void copy_from_ring(std::span<std::byte> space);

    SharedRings rings_;
    SharedPools pools_;
    // Lending.
    bool peer_takes_ = false;             ///< it has said so
    std::map<std::uint32_t, Lent> lent_;  ///< by page
    std::uint64_t turn_ = 0;              ///< how often bytes have come
    std::size_t overdue_ = 0;             ///< of lent_, those of an earlier turn
    std::shared_ptr<ReturnedPages> returns_ = std::make_shared<ReturnedPages>();
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
    PoolPlace place_;          ///< of the record, in the other end's pool
};

}  // namespace starling
