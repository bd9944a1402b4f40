// The campaign finds each planted bug, and reports none without them.
#include <gtest/gtest.h>

#include "tests/campaign/fault_schedule.hpp"
#include "tests/campaign/seed_process.hpp"

namespace starling::test {
namespace {

/// Violations of several seeds, two at a time, each in a process of its own.
SeedResult run_seeds(const CampaignOptions& options, std::uint64_t seeds) {
    SeedProcesses processes(options, 60);
    SeedResult sum;
    processes.run(
        seeds, 2, [&](std::uint64_t run) { processes.start(run + 1); },
        [&](const SeedProcesses::Finished& finished) {
            sum.violations += finished.result.violations;
            sum.first.insert(sum.first.end(), finished.result.first.begin(),
                             finished.result.first.end());
        });
    return sum;
}

bool any_has(const std::vector<std::string>& violations, std::string_view part) {
    return std::any_of(violations.begin(), violations.end(), [&](const std::string& violation) {
        return violation.find(part) != std::string::npos;
    });
}

struct Planted {
    std::string_view name;
    Plant plant;
    std::uint64_t seeds;
    std::string_view invariant;  ///< that the bug violates
};

class Plants : public testing::TestWithParam<Planted> {};

TEST_P(Plants, AreFound) {
    CampaignOptions options;
    options.plant = GetParam().plant;
    const SeedResult with = run_seeds(options, GetParam().seeds);
    EXPECT_GT(with.violations, 0U);
    EXPECT_TRUE(any_has(with.first, GetParam().invariant)) << with.violations << " violations";
    options.plant = Plant::none;
    const SeedResult without = run_seeds(options, GetParam().seeds);
    EXPECT_EQ(without.violations, 0U) << without.first.front();
}

INSTANTIATE_TEST_SUITE_P(
    Bugs, Plants,
    testing::Values(
        Planted{"StaleReads", Plant::stale_reads, 20, "a read sees the ledger as of entry"},
        Planted{"LostSync", Plant::lost_sync, 40, "one ledger"},
        // A commit is not what its attempt merged to.
        Planted{"AttemptUnchecked", Plant::attempt_unchecked, 60, "is committed with digest"},
        // One seed of twenty blocks two members that have no other connection.
        Planted{"LeaseWithoutProgress", Plant::lease_without_progress, 150,
                "no round is committed for"},
        Planted{"FenceOff", Plant::fence_off, 80, "a later session has replaced it"},
        Planted{"RemovedServes", Plant::removed_serves, 40, "it was removed from the SNs"},
        Planted{"DiskIsFarewell", Plant::disk_is_farewell, 40, "is aborted"}),
    [](const testing::TestParamInfo<Planted>& tested) { return std::string(tested.param.name); });

/// The committed digest of each round, without faults and with all members in each round, in one of
/// several networks.
std::vector<std::string> digests_of(Plant plant, std::uint64_t network_variant) {
    constexpr std::size_t rounds = 6;
    CampaignOptions options;
    options.plant = plant;
    options.min_peers = static_cast<std::uint32_t>(options.pairs);
    options.network_variant = network_variant;
    CampaignSwarm swarm(1, options);
    swarm.network.faults.delay_max = std::chrono::milliseconds(20);
    swarm.start();
    EXPECT_TRUE(swarm.network.run([&] { return swarm.trace.digests.size() >= rounds; },
                                  SwarmTime{std::chrono::seconds(60)}));
    std::vector<std::string> digests;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        digests.push_back(swarm.trace.digests[round]);
    }
    return digests;
}

TEST(ArrivalOrder, DoesNotAffectTheModel) {
    const std::vector<std::string> digests = digests_of(Plant::none, 0);
    for (std::uint64_t network = 1; network < 5; ++network) {
        EXPECT_EQ(digests_of(Plant::none, network), digests);
    }
}

TEST(ArrivalOrder, WouldAffectTheModelIfContributionsWereMergedOnArrival) {
    // Not every order gives a different result: most sums of three float32 are exact in binary64.
    const std::vector<std::string> digests = digests_of(Plant::arrival_order, 1);
    bool differs = false;
    for (std::uint64_t network = 2; network < 20 && !differs; ++network) {
        differs = digests_of(Plant::arrival_order, network) != digests;
    }
    EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace starling::test
