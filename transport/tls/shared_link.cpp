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

bool SharedLink::may_write(std::size_t count) const {
    return count < ring_piece_min || credits_end_ || count <= shared_region_bytes - unread_;
}

void SharedLink::write(ByteView piece) {
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

Result<std::size_t> SharedLink::read(ByteView& records, std::span<std::byte> space) {
    while (left_ == 0) {
        const std::size_t count = std::min(record_bytes - record_here_, records.size());
        std::copy_n(records.begin(), count, record_.begin() + record_here_);
        records = records.subspan(count);
        record_here_ += count;
        if (record_here_ < record_bytes) {
            return std::size_t{0};
        }
        record_here_ = 0;
        if (Result<void> begun = begin(record_); !begun) {
            return begun.error();
        }
    }
    std::size_t count = std::min(left_, space.size());
    if (kind_ == Kind::bytes_in_ring) {
        copy_from_ring(space.first(count));
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
    if (!ours || count == 0 || (kind_ != Kind::bytes_in_ring && offset != 0)) {
        return malformed("no record of ours");
    }
    switch (kind_) {
        case Kind::bytes_follow:
            left_ = count;
            return {};
        case Kind::bytes_in_ring:
            if (offset != read_at_ || count > shared_region_bytes - owed_) {
                return malformed(std::to_string(count) + " bytes at " + std::to_string(offset) +
                                 " are not where the last ones ended, or more than fit");
            }
            owed_ += count;
            left_ = count;
            return {};
        case Kind::credit:
            if (count > unread_) {
                return malformed("a credit for more than was sent");
            }
            unread_ -= count;
            return {};
    }
    return malformed("no record of ours");
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
