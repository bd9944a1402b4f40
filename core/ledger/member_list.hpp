#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"

namespace starling {

/// A member of a frozen round.
struct RoundMember {
    NodeId id;
    Address address;
    std::uint32_t weight = 1;
    std::uint64_t check_in_index = 0;  ///< see Member: the same index, the same parameters
    bool merges = true;                ///< false: owns no segments, see Contract::apart
    ShortText site;                    ///< see Member
    /// Of the start of its SL that checked in: a copy of that node, started from a copy of its
    /// workspace, takes no part. 0: unknown.
    std::uint64_t session = 0;

    friend bool operator==(const RoundMember&, const RoundMember&) = default;
};

/// The members of an attempt, ascending by id; immutable. Copies share the members: ledger, views,
/// exchange and commit have the same, and in a simulation all nodes have, so that its memory does
/// not grow with the square of their number.
class MemberList {
public:
    MemberList() = default;
    MemberList(std::vector<RoundMember> members)  // NOLINT(google-explicit-constructor)
        : shared_(members.empty() ? nullptr : std::make_shared<const Shared>(std::move(members))) {}
    MemberList(std::initializer_list<RoundMember> members)
        : MemberList(std::vector<RoundMember>(members)) {}
    /// The list that has these one after the other: the very one of which they are the part()s, if
    /// they are all of it.
    static MemberList of_parts(const std::vector<MemberList>& parts) {
        const auto whole =
            parts.empty() || !parts.front().shared_ ? nullptr : parts.front().shared_->whole;
        std::size_t size = 0;
        bool in_place = whole != nullptr;
        for (const MemberList& part : parts) {
            in_place = in_place && size < whole->members.size() &&
                       part.all().data() == &whole->members[size];
            size += part.size();
        }
        if (in_place && size == whole->members.size()) {
            return MemberList(whole);
        }
        std::vector<RoundMember> all;
        all.reserve(size);
        for (const MemberList& part : parts) {
            all.insert(all.end(), part.all().begin(), part.all().end());
        }
        return all;
    }
    /// `count` of its members, from that place on. They are not copied.
    ///
    /// \pre  from + count <= size()
    MemberList part(std::size_t from, std::size_t count) const {
        return count == 0 ? MemberList()
                          : MemberList(std::make_shared<const Shared>(shared_, from, count));
    }

    auto begin() const { return all().begin(); }
    auto end() const { return all().end(); }
    std::size_t size() const { return all().size(); }
    bool empty() const { return all().empty(); }
    const RoundMember& operator[](std::size_t place) const { return all()[place]; }
    const RoundMember& front() const { return all().front(); }
    const RoundMember& back() const { return all().back(); }
    std::span<const RoundMember> all() const {
        return shared_ ? shared_->members : std::span<const RoundMember>();
    }
    /// Null: `node` is not a member.
    const RoundMember* find(const NodeId& node) const {
        const auto at = std::lower_bound(
            begin(), end(), node,
            [](const RoundMember& member, const NodeId& id) { return member.id < id; });
        return at != end() && at->id == node ? &*at : nullptr;
    }
    /// Its place in this list; size(): `node` is not a member.
    std::uint32_t index_of(const NodeId& node) const {
        const RoundMember* const member = find(node);
        const auto index =
            member == nullptr ? size() : static_cast<std::size_t>(member - all().data());
        return static_cast<std::uint32_t>(index);
    }
    /// Whether each of them merges; known without a look at the members.
    bool all_merge() const { return !shared_ || shared_->all_merge; }
    void clear() { shared_.reset(); }
    /// Whether it is a copy of the other one; false: they may still be equal.
    bool is_copy_of(const MemberList& other) const { return shared_ == other.shared_; }
    /// The size as it travels in a frame, which `compute` returns: asked once for all copies.
    template <typename Compute>
    std::uint64_t wire_bytes(const Compute& compute) const {
        if (!shared_) {
            return compute(*this);
        }
        std::uint64_t bytes = shared_->wire_bytes.load(std::memory_order_relaxed);
        if (bytes == 0) {
            bytes = compute(*this);
            shared_->wire_bytes.store(bytes, std::memory_order_relaxed);
        }
        return bytes;
    }
    /// The list as it travels in a frame, which `encode` returns: made once for all copies, which
    /// keep it. From any thread.
    template <typename Encode>
    Blob encoded(const Encode& encode) const {
        if (!shared_) {
            return Blob(encode(*this));
        }
        std::call_once(shared_->encode_once, [&] { shared_->encoded = Blob(encode(*this)); });
        return shared_->encoded;
    }
    /// Of this copy alone; nothing if `node` is not a member.
    void set_address(const NodeId& node, const Address& address) {
        const std::uint32_t member = index_of(node);
        if (member < size() && all()[member].address != address) {
            std::vector<RoundMember> changed(begin(), end());
            changed[member].address = address;
            *this = MemberList(std::move(changed));
        }
    }

    /// Whether `a` has all members of `b`.
    friend bool includes(const MemberList& a, const MemberList& b) {
        return a.shared_ == b.shared_ ||
               std::includes(a.begin(), a.end(), b.begin(), b.end(), &MemberList::precedes);
    }
    /// The members of both; one of the two itself if it has them all.
    friend MemberList joined(const MemberList& a, const MemberList& b) {
        if (includes(a, b)) {
            return a;
        }
        if (includes(b, a)) {
            return b;
        }
        std::vector<RoundMember> all;
        std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all),
                       &MemberList::precedes);
        return all;
    }
    friend bool operator==(const MemberList& a, const MemberList& b) {
        return a.shared_ == b.shared_ || std::ranges::equal(a.all(), b.all());
    }

private:
    static bool precedes(const RoundMember& a, const RoundMember& b) { return a.id < b.id; }

    struct Shared {
        explicit Shared(std::vector<RoundMember> all) : own(std::move(all)), members(own) {}
        Shared(const std::shared_ptr<const Shared>& of, std::size_t from, std::size_t count)
            : whole(of), members(of->members.subspan(from, count)) {}

        const std::vector<RoundMember> own;         ///< nothing: it is a part
        const std::shared_ptr<const Shared> whole;  ///< of which it is a part; else nothing
        const std::span<const RoundMember> members;
        const bool all_merge = std::all_of(members.begin(), members.end(),
                                           [](const RoundMember& one) { return one.merges; });
        mutable std::atomic<std::uint64_t> wire_bytes{0};  ///< 0: not known yet
        mutable std::once_flag encode_once;
        mutable Blob encoded;  ///< nothing: no frame had the list yet
    };
    explicit MemberList(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

    std::shared_ptr<const Shared> shared_;  ///< nothing: there are none
};

}  // namespace starling
