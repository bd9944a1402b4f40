#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"
#include "examples/cifar10/program_options.hpp"

namespace starling {

/// Cost of a batch on this machine, in seconds.
struct Calibration {
    double seconds_per_batch = 0.0;  ///< median
    double p10 = 0.0;
    double p90 = 0.0;
    double startup_seconds = 0.0;  ///< to read the data and to build the model
};

/// Trains flags.calibrate_batches batches without a swarm; the first ones only warm up.
Result<Calibration> measure_batches(const ProgramFlags& flags);

/// `text` is a calibration file or empty; returns it with the workload set, the others kept:
/// {"workloads": {"cifar10/tiny/32": {"seconds_per_batch": 0.01, ...}}}. Errc::malformed.
Result<std::string> merge_calibration(const std::string& text, const std::string& workload,
                                      const Calibration& calibration);

/// "cifar10/<model>/<batch size>": the row's name in the table.
std::string workload_name(const ProgramFlags& flags);

/// Measures, and writes to the file flags.calibrate. \return  the process's exit code.
int calibrate(const ProgramFlags& flags);

}  // namespace starling
