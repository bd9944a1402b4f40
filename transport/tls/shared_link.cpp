#include "transport/tls/shared_link.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/coding.hpp"
#include "core/base/invariant.hpp"

namespace starling {
namespace {

Error malformed(std::string what) { return {Errc::malformed, "shared memory: " + std::move(what)}; }

}  // namespace

SharedLink::SharedLink(SharedRings rings, SharedPools pools)
    : rings_(std::move(rings)), pools_(std::move(pools)) {
    if (pools_.peer) {
        add_record(Kind::pool_taken, 1, 0);
    }
}

bool SharedLink::may_write(std::size_t count) const {
    return count < ring_piece_min || credits_end_ || count <= shared_region_bytes - unread_;
}

bool SharedLink::may_lend(const Blob& piece) const {
    if (!peer_takes_ || credits_end_ || overdue_ > 0 || piece.view().size() < ring_piece_min) {
        return false;
    }
    const std::optional<std::uint32_t> page = pools_.own->page_of(piece.view());
    return page && !lent_.contains(*page);
}

void SharedLink::lend(const Blob& piece) {
    STARLING_INVARIANT(may_lend(piece), "the caller has asked");
    add_returns();
    const std::uint32_t page = *pools_.own->page_of(piece.view());
    add_record(Kind::bytes_in_pool, piece.size(), page);
    lent_[page] = Lent{piece, turn_};
}

void SharedLink::write(ByteView piece) {
    add_returns();
    if (piece.size() < ring_piece_min || credits_end_) {
        add_record(Kind::bytes_follow, piece.size(), 0);
        records_.insert(records_.end(), piece.begin(), piece.end());
        return;
    }
    STARLING_INVARIANT(may_write(piece.size()), "the caller has asked");
    add_record(Kind::bytes_in_ring, piece.size(), write_at_);
    unread_ += piece.size();
    ring_pending_ += piece.size();
    const std::span<std::byte> ring = rings_.out.writable();
    while (!piece.empty()) {
        const std::size_t count = std::min(piece.size(), ring.size() - write_at_);
        std::memcpy(ring.data() + write_at_, piece.data(), count);
        write_at_ = (write_at_ + count) % ring.size();
        piece = piece.subspan(count);
    }
}

Bytes SharedLink::take() {
    add_returns();
    ring_pending_ = 0;
    return std::exchange(records_, {});
}

void SharedLink::add_record(Kind kind, std::size_t count, std::size_t offset) {
    Writer record;
    record.reserve(record_bytes);
    record.u32(magic);
    record.u32(static_cast<std::uint32_t>(kind));
    record.u32(static_cast<std::uint32_t>(count));
    record.u32(static_cast<std::uint32_t>(offset));
    records_.insert(records_.end(), record.bytes().begin(), record.bytes().end());
}

/// Before bytes that are sent, so that the other end has back what it lent when it answers.
void SharedLink::add_returns() {
    for (const std::uint32_t page : returns_->take()) {
        add_record(Kind::given_back, 1, page);
    }
}

/// \return  whether bytes of the stream belong to the current record; else more records are needed.
Result<bool> SharedLink::next_record(ByteView& records) {
    while (left_ == 0) {
        const std::size_t count = std::min(record_bytes - record_here_, records.size());
        std::copy_n(records.begin(), count, record_.begin() + record_here_);
        records = records.subspan(count);
        record_here_ += count;
        if (record_here_ < record_bytes) {
            return false;
        }
        record_here_ = 0;
        if (Result<void> begun = begin(record_); !begun) {
            return begun.error();
        }
    }
    return true;
}

Result<std::optional<Blob>> SharedLink::borrow(ByteView& records, std::size_t count) {
    const Result<bool> begun = next_record(records);
    if (!begun) {
        return begun.error();
    }
    if (!*begun || kind_ != Kind::bytes_in_pool || left_ != count || !pools_.trusts_peer ||
        place_.next != std::uint64_t{place_.page} * SharedPool::page_bytes) {
        return std::optional<Blob>();
    }
    const ByteView pool = pools_.peer->bytes();
    left_ = 0;
    std::shared_ptr<const void> owner(
        pool.data(), [mapped = pools_.peer, returns = returns_, page = place_.page](const void*) {
            returns->add(page);
        });
    return std::optional<Blob>(Blob(std::move(owner), pool.subspan(place_.next, count)));
}

Result<std::size_t> SharedLink::read(ByteView& records, std::span<std::byte> space) {
    const Result<bool> begun = next_record(records);
    if (!begun) {
        return begun.error();
    }
    if (!*begun) {
        return std::size_t{0};
    }
    std::size_t count = std::min(left_, space.size());
    if (kind_ == Kind::bytes_in_ring) {
        copy_from_ring(space.first(count));
    } else if (kind_ == Kind::bytes_in_pool) {
        copy_from_pool(space.first(count));
    } else {
        count = std::min(count, records.size());
        std::copy_n(records.begin(), count, space.begin());
        records = records.subspan(count);
    }
    left_ -= count;
    return count;
}

Result<void> SharedLink::begin(ByteView record) {
    Reader reader(record);
    const bool ours = reader.u32() == magic;
    kind_ = static_cast<Kind>(reader.u32());
    const std::size_t count = reader.u32();
    const std::size_t offset = reader.u32();
    const bool has_offset =
        kind_ == Kind::bytes_in_ring || kind_ == Kind::bytes_in_pool || kind_ == Kind::given_back;
    if (!ours || count == 0 || (!has_offset && offset != 0)) {
        return malformed("no record of ours");
    }
    switch (kind_) {
        case Kind::bytes_follow:
        case Kind::bytes_in_ring:
        case Kind::bytes_in_pool:
            return begin_bytes(kind_, count, offset);
        case Kind::credit:
            if (count > unread_) {
                return malformed("a credit for more than was sent");
            }
            unread_ -= count;
            return {};
        case Kind::pool_taken:
            if (pools_.own == nullptr || count != 1) {
                return malformed("no pool was passed");
            }
            peer_takes_ = true;
            return {};
        case Kind::given_back:
            return count == 1 ? take_back(static_cast<std::uint32_t>(offset))
                              : malformed("no record of ours");
    }
    return malformed("no record of ours");
}

Result<void> SharedLink::begin_bytes(Kind kind, std::size_t count, std::size_t offset) {
    if (kind == Kind::bytes_in_ring) {
        if (offset != read_at_ || count > shared_region_bytes - owed_) {
            return malformed(std::to_string(count) + " bytes at " + std::to_string(offset) +
                             " are not where the last ones ended, or more than fit");
        }
        owed_ += count;
    } else if (kind == Kind::bytes_in_pool) {
        if (returns_->count() >= returns_max) {
            return malformed("more was lent than has been given back");
        }
        place_.page = static_cast<std::uint32_t>(offset);
        place_.next = std::uint64_t{place_.page} * SharedPool::page_bytes;
        const std::size_t size = pools_.peer ? pools_.peer->bytes().size() : 0;
        if (place_.next > size || count > size - place_.next) {
            return malformed(std::to_string(count) + " bytes at page " +
                             std::to_string(place_.page) + " are not in the other end's pool");
        }
    }
    left_ = count;
    ++turn_;
    overdue_ = lent_.size();
    return {};
}

Result<void> SharedLink::take_back(std::uint32_t page) {
    const auto found = lent_.find(page);
    if (found == lent_.end()) {
        return malformed("page " + std::to_string(page) + " was given back and not lent");
    }
    overdue_ -= found->second.turn == turn_ ? 0U : 1U;
    lent_.erase(found);
    return {};
}

void SharedLink::copy_from_pool(std::span<std::byte> space) {
    std::memcpy(space.data(), pools_.peer->bytes().data() + place_.next, space.size());
    place_.next += space.size();
    if (space.size() == left_) {
        returns_->add(place_.page);
    }
}

void SharedLink::copy_from_ring(std::span<std::byte> space) {
    const ByteView ring = rings_.in.bytes();
    done_ += space.size();
    while (!space.empty()) {
        const std::size_t count = std::min(space.size(), ring.size() - read_at_);
        std::memcpy(space.data(), ring.data() + read_at_, count);
        read_at_ = (read_at_ + count) % ring.size();
        space = space.subspan(count);
    }
    if (done_ >= credit_bytes) {
        add_record(Kind::credit, done_, 0);
        owed_ -= done_;
        done_ = 0;
    }
}

}  // namespace starling
