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
    std::int64_t unix_ns_at_zero = 0;  ///< what the world's clock showed at SwarmTime 0
    SwarmDuration lease = std::chrono::seconds(30);
    /// Tools that may take seats back, with a certificate by the CA of the server's own.
    std::set<NodeId> admins;
    CaFingerprint ca;              ///< who made the server's own certificate
    std::vector<Bytes> recovered;  ///< what it persisted in an earlier life
};

/// The licence server: hands seats out to nodes, for a lease time that they renew. A seat belongs
/// to a node's name; it is free again when the node releases it or its lease ends. Every change is
/// persisted before it is answered, so a server that was killed knows its seats again; their
/// leases then begin anew.
std::unique_ptr<Node> make_apls_node(AplsNodeOptions options);

}  // namespace starling
