#pragma once

#include "core/ml/swarm.hpp"

namespace starling {

/// The simulator's main(): reads platform and deployment, runs the simulation, prints its summary.
/// \param train  the program of the ML nodes; empty: modelled training.
/// \param program_help  text of --help about the training program; may be empty.
/// \return  the process's exit code; 2 for errors in flags and files, 4 if the simulation did not
/// come to an end.
int sim_main(int argc, char** argv, TrainFunction train, std::string_view program_help = {});

}  // namespace starling
