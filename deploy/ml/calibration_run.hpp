#pragma once

#include <filesystem>

#include "core/ml/swarm.hpp"
#include "deploy/log/trace_log.hpp"
#include "deploy/ml/ml_program.hpp"

namespace starling {

/// The environment variable with the table that a program's batches are measured for.
constexpr const char* calibration_variable = "SWARM_CALIBRATE";
/// The environment variable with the number of batches that are measured at least; default 60.
constexpr const char* calibration_batches_variable = "SWARM_CALIBRATE_BATCHES";

/// Runs a program alone and measures its start and the time of its batches between syncs; the first
/// of several such intervals only warms up. The training is over at the first sync at which enough
/// more batches are measured, or when the program ends it.
/// \param table  calibration table, in which the row of the program's workload is set.
/// \return  the exit code; Errc::io: the table can't be read; Errc::usage: a wrong number of
/// batches.
///     Then nothing was run.
Result<int> run_calibration(TrainFunction train, ProgramOptions options,
                            const std::filesystem::path& table, TraceLog& log,
                            const MlProgramHooks& hooks);

}  // namespace starling
