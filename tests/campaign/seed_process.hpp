#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

#include "tests/campaign/campaign_run.hpp"

namespace starling::test {

/// Runs each seed in a process of its own, several at a time, so that a crash or a hang is a
/// finding and does not end the campaign.
class SeedProcesses {
public:
    struct Finished {
        std::uint64_t seed = 0;
        std::string trace_file;
        SeedResult result;
    };

    /// \param cpu_limit_s  a seed that takes longer counts as hung.
    SeedProcesses(CampaignOptions options, int cpu_limit_s)
        : options_(std::move(options)), cpu_limit_s_(cpu_limit_s) {}

    /// \param trace_file  for the events of this run; empty: none. \param other_memory  with a
    /// changed memory layout, which must make no difference.
    void start(std::uint64_t seed, const std::string& trace_file = "", bool other_memory = false);
    /// Runs 0 to `count` - 1, `jobs` at a time, started by `start_one`; `take` gets each result.
    void run(std::uint64_t count, std::size_t jobs,
             const std::function<void(std::uint64_t)>& start_one,
             const std::function<void(Finished)>& take);

private:
    /// Waits for the next process to end. \pre one is running
    Finished wait();

    struct Running {
        std::uint64_t seed = 0;
        std::string trace_file;
        int output = -1;  ///< read end of the pipe
    };

    CampaignOptions options_;
    int cpu_limit_s_;
    std::map<pid_t, Running> running_;
};

}  // namespace starling::test
