#pragma once

#include "core/ml/swarm.hpp"

namespace starling {

/// The simulator's main(): reads platform and deployment, runs the simulation, prints its summary.
/// \param train  run by the ML nodes; empty: modelled training.
/// \param program_help  what --help says of the program that trains; may be empty.
/// \return  the process's exit code; 2 for flags and files, 4 if the simulation never came to an
/// end.
int sim_main(int argc, char** argv, TrainFunction train, std::string_view program_help = {});

}  // namespace starling
