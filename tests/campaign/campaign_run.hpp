#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/campaign/campaign_options.hpp"

namespace starling::test {

/// The result of one seed.
struct SeedResult {
    std::uint64_t faults = 0;
    std::uint64_t rounds = 0;
    std::uint64_t crashes = 0;
    std::uint64_t copies = 0;      ///< of workspaces, started beside their originals
    std::uint64_t removals = 0;    ///< of SNs, by an administrator
    std::uint64_t full_disks = 0;  ///< of MLs
    std::uint64_t operations = 0;
    std::uint64_t violations = 0;
    std::uint64_t hash = 0;          ///< of the trace, if requested
    std::vector<std::string> first;  ///< the first violations, as text
};

/// Runs one swarm from its start through faults to its end, in virtual time, determined by the seed
/// alone.
SeedResult run_seed(std::uint64_t seed, const CampaignOptions& options);

}  // namespace starling::test
