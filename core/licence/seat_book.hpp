#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/ledger/signature.hpp"
#include "core/licence/licence.hpp"

namespace starling {

/// One change of the book, persisted as u8 kind, u8 role, string node, digest ca.
struct SeatEntry {
    enum class Kind : std::uint8_t {
        taken = 1,
        freed = 2,
        revoked = 3,
        allowed = 4,  ///< and the name may come from another CA than before
        pinned = 5,   ///< the name belongs to `ca`
    };
    Kind kind = Kind::taken;
    Role role = Role::sl;
    NodeId node;
    CaFingerprint ca;
};

Bytes encode_seat_entry(const SeatEntry& entry);
/// Errc::malformed if it is no entry.
Result<SeatEntry> decode_seat_entry(ByteView bytes);

/// The holders of seats, with the end of their leases. Pure: time is an argument.
class SeatBook {
public:
    struct Seat {
        Role role = Role::sl;
        SwarmTime expires{};
    };

    explicit SeatBook(Licence licence) : licence_(std::move(licence)) {}

    /// Errc::refused, with a message for the node's operator, if `node` can't have a seat now.
    Result<void> check(const NodeId& node, Role role, SwarmTime now) const;
    bool holds(const NodeId& node, Role role) const;
    /// Seats whose lease has expired at `now`, as entries to apply.
    std::vector<SeatEntry> lapsed(SwarmTime now) const;
    /// \param expires  end of the lease of a taken seat.
    void apply(const SeatEntry& entry, SwarmTime expires);
    void renew(const NodeId& node, SwarmTime expires);

    std::uint32_t taken(Role role) const;
    const std::map<NodeId, Seat>& seats() const { return seats_; }
    const std::set<NodeId>& revoked() const { return revoked_; }
    /// The CA to which each name belongs: that of its first seat.
    const std::map<NodeId, CaFingerprint>& owners() const { return owners_; }
    const Licence& licence() const { return licence_; }

private:
    Licence licence_;
    std::map<NodeId, Seat> seats_;
    std::set<NodeId> revoked_;
    std::map<NodeId, CaFingerprint> owners_;
};

}  // namespace starling
