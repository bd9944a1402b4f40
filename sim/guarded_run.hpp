#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "sim/run_meter.hpp"

namespace starling {

/// Status of a guarded run, written by the child process and read by its parent.
class RunStatus {
public:
    virtual ~RunStatus() = default;
    /// Names the next step, for the message if SimGrid ends the process in it. Cheap.
    virtual void doing(std::string_view step) = 0;
    /// Platform and deployment are accepted; from here on stderr is not captured.
    virtual void loaded() = 0;
    virtual RunMeter& meter() = 0;
};

struct GuardOptions {
    std::string platform;  ///< file, for messages
    /// Wall time until the first progress line; the interval then doubles up to a minute. 0: none.
    std::chrono::milliseconds progress = std::chrono::seconds(10);
    /// Simulated time at which the run ends, for the time left; 0: not known.
    std::int64_t until_ns = 0;
};

/// Runs `run` in a child process and returns its exit code. SimGrid ends its process on many errors
/// in a platform file; the parent survives that. Before RunStatus::loaded() such an end is an error
/// in the input: exit code 2, and SimGrid's message on stderr. Afterwards it is 1. A slow run has
/// progress lines on stderr. If no process can be made, `run` is called in this one.
int run_guarded(const GuardOptions& options, const std::function<int(RunStatus&)>& run);

/// The reason in SimGrid's output before it ended the process; empty: none.
std::string reason_in(std::string_view stderr_text);

struct RunProgress {
    std::int64_t simulated_ns = 0;
    std::uint64_t events = 0;
    std::uint64_t bytes_moved = 0;
    std::uint64_t rounds = 0;
    std::uint64_t rounds_planned = 0;  ///< 0: unknown
};
/// "30 s: at 4213.5 simulated seconds, 12 rounds, 1203443 events, 20900.0 MB moved". If the number
/// of rounds or the time of the end is known: ", 42 %, about 1:15 left", as if the rest took as
/// long as what is done.
std::string progress_text(std::chrono::seconds wall, const RunProgress& now,
                          const RunProgress& before, std::int64_t until_ns = 0);

}  // namespace starling
