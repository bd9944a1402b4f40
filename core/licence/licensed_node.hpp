#pragma once

#include <memory>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// What a node takes for a lease; a server that says anything else gives no seat.
constexpr SwarmDuration seat_lease_min = std::chrono::seconds(1);
constexpr SwarmDuration seat_lease_max = std::chrono::hours(24);

struct SeatOptions {
    std::vector<Address> servers;  ///< in the order in which they are asked; none: no seat
    SwarmDuration patience = std::chrono::seconds(20);  ///< to get a first answer
    /// A node that has a seat goes on for so long after its last renewal.
    SwarmDuration grace = std::chrono::hours(1);
};

/// A node that runs only with a seat of a licence server: it asks for one, starts `inner` once it
/// has it, renews it every third of its lease, and gives it back at the end. Peers that come
/// before that wait. While no server can be reached `inner` goes on, for `grace`; if the seat is
/// taken back, or the grace is over, it is asked to stop.
///
/// Exit codes: refused, if no server grants a seat or it is taken back; peer_lost, if no server can
/// be reached in time. Without servers no seat is needed: `inner` is returned as it is. `inner`
/// neither sees the licence servers nor knows of its seat.
std::unique_ptr<Node> make_licensed_node(std::unique_ptr<Node> inner, SeatOptions options);

}  // namespace starling
