#pragma once

#include <memory>
#include <set>
#include <vector>

#include "core/licence/licence.hpp"
#include "core/node/node.hpp"

namespace starling {

struct AplsNodeOptions {
    NodeId id;
    Address address;                   ///< where it listens; for its log line
    Licence licence;                   ///< signature checked
    std::int64_t unix_ns_at_zero = 0;  ///< wall-clock time at SwarmTime 0
    SwarmDuration lease = std::chrono::seconds(30);
    /// Tools that may revoke seats, with certificates of the CA that issued the server's.
    std::set<NodeId> admins;
    CaFingerprint ca;              ///< the CA that issued the server's certificate
    std::vector<Bytes> recovered;  ///< persisted by earlier starts
};

/// The licence server: grants seats to nodes, for a lease that they renew. A seat belongs to a
/// node's name; it is free when the node releases it or its lease expires. Every change is
/// persisted before it is answered, so a server that was killed knows its seats again; their leases
/// then restart.
std::unique_ptr<Node> make_apls_node(AplsNodeOptions options);

}  // namespace starling
