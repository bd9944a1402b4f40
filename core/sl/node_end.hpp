#pragma once

#include <cstdint>

#include "core/base/result.hpp"

namespace starling {

/// A reason for which an SL node can't go on, and how it ends.
struct NodeEnd {
    enum class How : std::uint8_t {
        leave,  ///< says goodbye to the swarm, which goes on without it
        crash,  ///< no goodbye: the swarm waits for the next start of this node, which may succeed
        stop,   ///< there is nobody to tell
    };
    How how = How::leave;
    Error error;
    int exit_code = 0;
};

}  // namespace starling
