#pragma once

#include <memory>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// Bounds on a lease; a reply with another one counts as a refusal.
constexpr SwarmDuration seat_lease_min = std::chrono::seconds(1);
constexpr SwarmDuration seat_lease_max = std::chrono::hours(24);

struct SeatOptions {
    /// Tried in this order. Empty: no seat is needed.
    std::vector<Address> servers;
    SwarmDuration acquire_timeout = std::chrono::seconds(20);  ///< limit for getting a seat
    /// How long a node with a seat continues after its last renewal.
    SwarmDuration grace = std::chrono::hours(1);
};

/// A node that runs only with a seat of a licence server: it requests one, starts `inner` when it
/// has it, renews it every third of its lease, and releases it at the end. Inputs of peers before
/// that are queued. While no server can be reached `inner` continues for `grace`; if the seat is
/// revoked, or the grace is over, it gets StopRequested.
///
/// Exit codes: refused, if no server grants a seat or it is revoked; peer_lost, if no server can be
/// reached in time. Without servers `inner` itself is returned. `inner` does not see the licence
/// servers.
std::unique_ptr<Node> make_licensed_node(std::unique_ptr<Node> inner, SeatOptions options);

}  // namespace starling
