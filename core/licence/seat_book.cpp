#include "core/licence/seat_book.hpp"

#include <algorithm>

#include "core/base/coding.hpp"

namespace starling {
namespace {

constexpr std::size_t names_shown = 5;

}  // namespace

Bytes encode_seat_entry(const SeatEntry& entry) {
    Writer writer;
    writer.u8(static_cast<std::uint8_t>(entry.kind));
    writer.u8(static_cast<std::uint8_t>(entry.role));
    writer.string(entry.node.name);
    writer.digest(entry.ca);
    return writer.take();
}

Result<SeatEntry> decode_seat_entry(ByteView bytes) {
    Reader reader(bytes);
    const std::uint8_t kind = reader.u8();
    const std::uint8_t role = reader.u8();
    Result<NodeId> node = parse_node_id(reader.string(node_name_max));
    const CaFingerprint ca = reader.digest();
    if (!reader.done() || !node || kind < 1 || kind > 5 || role < 1 || role > 5) {
        return Error{Errc::malformed, "it is not an entry of a licence server"};
    }
    return SeatEntry{static_cast<SeatEntry::Kind>(kind), static_cast<Role>(role), *node, ca};
}

Result<void> SeatBook::check(const NodeId& node, Role role, SwarmTime now) const {
    if (revoked_.contains(node)) {
        return Error{
            Errc::refused,
            "the seat of '" + node.name +
                "' was revoked by the licence server's operator (run-apls --allow undoes that)"};
    }
    if (holds(node, role)) {
        return {};
    }
    const std::uint32_t all = licence_.seats_for(role);
    if (taken(role) < all) {
        return {};
    }
    std::string who;
    std::size_t shown = 0;
    std::optional<SwarmTime> next;
    for (const auto& [holder, seat] : seats_) {
        if (seat.role != role) {
            continue;
        }
        next = std::min(next.value_or(seat.expires), seat.expires);
        if (++shown <= names_shown) {
            who += (who.empty() ? "" : ", ") + holder.name;
        }
    }
    std::string text = "no seat is left for role " + std::string(to_string(role)) + ": " +
                       std::to_string(taken(role)) + " of " + std::to_string(all) + " are taken";
    if (!who.empty()) {
        text += " by " + who + (shown > names_shown ? ", ..." : "");
    }
    if (next) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*next - now).count();
        text += "; a seat whose node has died is free within " +
                std::to_string(std::max<std::int64_t>(seconds, 0)) + " s";
    }
    return Error{Errc::refused, text + ". Stop a node, or get a licence with more seats"};
}

bool SeatBook::holds(const NodeId& node, Role role) const {
    const auto found = seats_.find(node);
    return found != seats_.end() && found->second.role == role;
}

std::vector<SeatEntry> SeatBook::lapsed(SwarmTime now) const {
    std::vector<SeatEntry> entries;
    for (const auto& [node, seat] : seats_) {
        if (seat.expires <= now) {
            entries.push_back({SeatEntry::Kind::freed, seat.role, node, {}});
        }
    }
    return entries;
}

void SeatBook::apply(const SeatEntry& entry, SwarmTime expires) {
    switch (entry.kind) {
        case SeatEntry::Kind::taken:
            seats_[entry.node] = {entry.role, expires};
            break;
        case SeatEntry::Kind::freed:
            seats_.erase(entry.node);
            break;
        case SeatEntry::Kind::revoked:
            seats_.erase(entry.node);
            revoked_.insert(entry.node);
            break;
        case SeatEntry::Kind::allowed:
            revoked_.erase(entry.node);
            owners_.erase(entry.node);
            break;
        case SeatEntry::Kind::pinned:
            owners_[entry.node] = entry.ca;
            break;
    }
}

void SeatBook::renew(const NodeId& node, SwarmTime expires) {
    if (const auto found = seats_.find(node); found != seats_.end()) {
        found->second.expires = expires;
    }
}

std::uint32_t SeatBook::taken(Role role) const {
    return static_cast<std::uint32_t>(
        std::count_if(seats_.begin(), seats_.end(),
                      [role](const auto& seat) { return seat.second.role == role; }));
}

}  // namespace starling
