#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ml/swarm.hpp"
#include "core/node/node.hpp"

namespace starling {

/// What another thread of the process wants to know of its ML node. Both are set, or neither; then
/// signals stop the node. They are called in the thread of run_ml_program().
struct MlProgramHooks {
    /// May be called from any thread until on_end() returns.
    struct Node {
        std::function<void(StopRequested)> stop;  ///< ends the node
        /// Tells of a batch of which SwarmCallback::on_batch_end() will tell later, so that who
        /// waits for it knows. Empty: nobody does.
        std::function<void()> note_batch = {};
    };
    /// The node starts.
    std::function<void(Node node)> on_begin;
    /// The node has ended with this exit code; the thread of the training program is joined next.
    std::function<void(int code)> on_end;
};

/// ml_main() (core/ml/swarm.hpp) for a process whose main() is not the program's, such as a Python
/// interpreter: runs the node in the calling thread until it ends, with the same environment.
/// \return  the node's exit code; Errc::usage: none of SWARM_SL_SOCKET, SWARM_NODE_SOCKET
///     (transport/program), SWARM_CALIBRATE (program_meter.hpp) and SWARM_LOOPBACK is set.
Result<int> run_ml_program(std::vector<std::string> arguments, TrainFunction train,
                           MlProgramHooks hooks = {});

}  // namespace starling
