#pragma once

#include <memory>

#include "core/node/node.hpp"

namespace starling {

struct MlNodeOptions {
    NodeId id;
    Address sl_address;  ///< of its SL: a Unix socket on a host
    SwarmDuration sl_connect_limit = std::chrono::seconds(60);
    bool keeps_state = false;  ///< there is a place for the program's state
    KeptStates kept;           ///< by an earlier life of this node
};

/// ML node: runs the user's program as work, and carries its parameters to the SL and back.
/// \param hasher  must outlive the node.
std::unique_ptr<Node> make_ml_node(MlNodeOptions options, const Hasher& hasher);

/// The same without a swarm (SWARM_LOOPBACK): the program trains alone, and every sync gives it
/// back what it brought. For a dry run of the program, and to compare with.
std::unique_ptr<Node> make_loopback_node(NodeId id, const Hasher& hasher);

}  // namespace starling
