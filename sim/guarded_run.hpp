#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "sim/run_meter.hpp"

namespace starling {

/// What a guarded run tells its guard. Lives in memory that both processes share.
class RunStatus {
public:
    virtual ~RunStatus() = default;
    /// Names the step that comes next, for the message if SimGrid does not survive it. Cheap.
    virtual void doing(std::string_view step) = 0;
    /// Platform and deployment are accepted; from here on the run's own words go to stderr.
    virtual void loaded() = 0;
    virtual RunMeter& meter() = 0;
};

struct GuardOptions {
    std::string platform;  ///< its file, for messages
    /// First progress line after so long on the wall clock, then at twice the time up to a minute
    /// apart. 0: none.
    std::chrono::milliseconds progress = std::chrono::seconds(10);
};

/// Runs `run` in a child process and returns its exit code. SimGrid ends the process that it is in
/// on much that a platform file may say; this one survives it. Before RunStatus::loaded() such an
/// end is the fault of the input: exit code 2, and what SimGrid said, on stderr. After that it is
/// 1. Meanwhile stderr gets a line now and then about how far a slow run is.
/// Without a second process to be had, `run` is called here.
int run_guarded(const GuardOptions& options, const std::function<int(RunStatus&)>& run);

/// The reason among what SimGrid wrote before it ended the process; empty: it gave none.
std::string reason_in(std::string_view words);

struct RunProgress {
    std::int64_t simulated_ns = 0;
    std::uint64_t events = 0;
    std::uint64_t bytes_moved = 0;
    std::uint64_t rounds = 0;
};
/// "30 s: at 4213.5 simulated seconds, 12 rounds, 1203443 events, 20900.0 MB moved".
std::string progress_text(std::chrono::seconds wall, const RunProgress& now,
                          const RunProgress& before);

}  // namespace starling
