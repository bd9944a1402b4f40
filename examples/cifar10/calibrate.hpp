#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/json/workload_table.hpp"
#include "examples/cifar10/program_options.hpp"

namespace starling {

/// Trains flags.calibrate_batches batches without a swarm; the first ones only warm up.
Result<MeasuredWorkload> measure_batches(const ProgramFlags& flags);

/// "cifar10/<model>/<batch size>": the row's name in the table.
std::string workload_name(const ProgramFlags& flags);

/// Measures, and writes to the file flags.calibrate. \return  the process's exit code.
int calibrate(const ProgramFlags& flags);

}  // namespace starling
