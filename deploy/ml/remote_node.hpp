#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/ml/swarm.hpp"
#include "deploy/log/trace_log.hpp"
#include "deploy/ml/ml_program.hpp"

namespace starling {

/// Runs a program whose ML node is in the process at the other end of a socket, such as a
/// simulator: hands it the program's requests, batches and events (transport/program).
/// \param socket  number of an inherited descriptor, the value of program_socket_variable.
/// \return  the exit code of the program; Errc::usage: this is no such number.
Result<int> run_for_remote_node(TrainFunction train, ProgramOptions options,
                                const std::string& socket, TraceLog& log,
                                const MlProgramHooks& hooks);

}  // namespace starling
