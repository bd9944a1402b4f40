#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/ml/swarm.hpp"
#include "core/node/work.hpp"
#include "deploy/log/trace_log.hpp"
#include "deploy/ml/batch_times.hpp"

namespace starling {

/// The environment variable with the table that a program's batches are measured for.
constexpr const char* calibration_variable = "SWARM_CALIBRATE";
/// The environment variable with the number of batches that are measured at least. Default: 60, and
/// all of them with SWARM_LOOPBACK.
constexpr const char* calibration_batches_variable = "SWARM_CALIBRATE_BATCHES";

/// Measures the start of a program that trains alone, and the time of its batches between syncs;
/// the first of several such intervals only warms up. The training is over at the first sync at
/// which enough more batches are measured, or when the program ends it.
class ProgramMeter {
public:
    /// \param alone  SWARM_LOOPBACK is set: all batches are measured unless the program's variables
    ///     name a number.
    /// \return  nullptr: SWARM_CALIBRATE is not set. Errc::io: the table can't be read;
    ///     Errc::usage: a wrong number of batches.
    static Result<std::unique_ptr<ProgramMeter>> open(const ProgramOptions& options, bool alone,
                                                      TraceLog& log);

    /// The program goes on from now.
    void resumed() { resumed_ = Clock::now(); }
    /// The program asks for something. Once enough batches are measured, a request for a sync tells
    /// that the program has finished. Called in the program's thread before the next resumed().
    /// \param workload  of the program, as it has named it.
    void asked(TrainRequest& request, const std::string& workload);
    /// The program has ended well: sets the row of its workload in the table. Errc::program: it has
    /// trained no batch; Errc::io, Errc::malformed: the table.
    Result<void> write() const;

private:
    using Clock = std::chrono::steady_clock;

    ProgramMeter(std::filesystem::path table, std::uint64_t wanted, TraceLog& log)
        : table_(std::move(table)), wanted_(wanted), log_(log) {}
    void log_progress() const;

    const std::filesystem::path table_;
    const std::uint64_t wanted_;  ///< batches to measure; 0: all
    TraceLog& log_;
    BatchTimes times_;
    Clock::time_point resumed_ = Clock::now();
    double startup_seconds_ = 0.0;
    std::string workload_;
};

}  // namespace starling
