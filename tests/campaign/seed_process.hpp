#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

#include "tests/campaign/campaign_run.hpp"

namespace starling::test {

/// Runs seeds in processes of their own, several at once, so that one that crashes or never ends is
/// a finding and not the end of the campaign.
class SeedProcesses {
public:
    struct Finished {
        std::uint64_t seed = 0;
        std::string trace_file;
        SeedResult result;
    };

    /// \param cpu_limit_s  a seed that takes longer hangs.
    SeedProcesses(CampaignOptions options, int cpu_limit_s)
        : options_(std::move(options)), cpu_limit_s_(cpu_limit_s) {}

    /// \param trace_file  for the events of this run; empty: not written.
    /// \param other_memory  below this run, which must not matter.
    void start(std::uint64_t seed, const std::string& trace_file = "", bool other_memory = false);
    /// Runs 0 to `count` - 1, `jobs` at once, as `start_one` starts them; `take` gets each that
    /// ends.
    void run(std::uint64_t count, std::size_t jobs,
             const std::function<void(std::uint64_t)>& start_one,
             const std::function<void(Finished)>& take);

private:
    /// Waits for the next that ends. \pre one is running
    Finished wait();

    struct Running {
        std::uint64_t seed = 0;
        std::string trace_file;
        int output = -1;  ///< of the pipe, to read from
    };

    CampaignOptions options_;
    int cpu_limit_s_;
    std::map<pid_t, Running> running_;
};

}  // namespace starling::test
