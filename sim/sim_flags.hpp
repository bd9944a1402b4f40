#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ml/swarm.hpp"
#include "sim/output_files.hpp"
#include "sim/scale_deployment.hpp"
#include "sim/simulation.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace starling {

/// Of training that is not modelled.
struct RealProgramFlags {
    std::string workspace = "workspace";
    bool run = false;  ///< as processes
    ProgramLimits limits;
    std::int64_t timeout_seconds = ProgramLimits().silence.count();
};

/// The command line of the simulator; texts as the user wrote them.
struct SimFlags {
    std::string platform;
    std::string deployment;
    std::uint64_t seed = 1;
    OutputFlags out;
    std::vector<std::string> faults;
    std::string calibration;
    double cores_shared = 0.0;
    double until_seconds = 0.0;
    std::string round_limit;
    double progress_seconds = 10.0;
    std::string date;
    std::string log_level = "info";
    RealProgramFlags programs;
    std::vector<std::string> simgrid;
    bool no_profiles = false;
    bool quiet = false;
    ScaleOptions scale;  ///< hosts is 0: a deployment file is given
    std::string scale_kind = "star";
};

/// Describes the flags, with their ranges, to the parser that sets them.
void declare_flags(CLI::App& app, SimFlags& flags);

/// Checks which of the positional arguments and flags go together, and completes `flags.scale`.
Result<void> check_flags(SimFlags& flags);

/// Reads the values, and the files that they name. Errc::usage names the flag.
Result<SimulationOptions> simulation_options(const SimFlags& flags, TrainFunction train);

/// Flags that can change the outcome and were given, for the record of a run.
std::map<std::string, std::string> configuration_of(const SimFlags& flags);

}  // namespace starling
