#pragma once

#include <memory>

#include "core/node/node.hpp"

namespace starling {

struct MlNodeOptions {
    NodeId id;
    Address sl_address;   ///< of its SL: a Unix socket on a host
    SwarmDuration sl_connect_limit = std::chrono::seconds(60);
};

/// ML node: runs the user's program as work, and carries its parameters to the SL and back.
std::unique_ptr<Node> make_ml_node(MlNodeOptions options);

}  // namespace starling
