// When a round is committed, on disks that take a second for a model, depending on whose disks the
// contract wants it.
#include "tests/support/memory_swarm.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

class Durable : public testing::TestWithParam<Durability> {
protected:
    /// Times from the end of the exchange at the slowest member to the commit, of each round.
    std::vector<SwarmDuration> commits() const {
        std::map<std::string, SwarmTime> exchanged;
        for (const char* const merged : {"merged_early", "exchange_done"}) {
            std::map<std::string, SwarmTime> last;
            for (const auto& done : swarm.trace.named(merged)) {
                last[field(done, "round")] = done.time;
            }
            exchanged.merge(last);
        }
        std::vector<SwarmDuration> durations;
        for (const auto& committed : swarm.trace.named("round_committed", "sn1")) {
            durations.push_back(committed.time - exchanged.at(field(committed, "round")));
        }
        return durations;
    }

    MemorySwarm swarm{5};
};

TEST_P(Durable, ARoundWaitsForTheDisksThatTheContractNames) {
    // A model of three segments is written whole, and takes 600 ms.
    swarm.network.disk_bytes_per_second = 1e6;
    for (const int pair : {1, 2, 3}) {
        swarm.add_pair(pair,
                       {.elements = 150'000, .min_peers = 3, .syncs = 4, .durable = GetParam()});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    const std::vector<SwarmDuration> durations = commits();
    ASSERT_GE(durations.size(), 2U);
    if (GetParam() == Durability::none) {
        EXPECT_LT(durations.front(), milliseconds(50));
        // Not more than one model behind: the second report waits for the first model.
        EXPECT_GT(durations.at(1), milliseconds(300));
    } else {
        EXPECT_GT(durations.front(), milliseconds(590));
    }
}

TEST_P(Durable, AMemberThatCrashesResumesFromTheOthersModel) {
    swarm.network.disk_bytes_per_second = 1e6;
    for (const int pair : {1, 2, 3}) {
        swarm.add_pair(pair,
                       {.elements = 150'000, .min_peers = 2, .syncs = 6, .durable = GetParam()});
    }
    const auto committed = [&] { return !swarm.trace.named("round_committed", "sn1").empty(); };
    ASSERT_TRUE(swarm.network.run(committed, from_ns(60'000'000'000)));
    swarm.network.crash({"sl3"});
    swarm.network.crash({"ml3"});
    swarm.network.restart({"sl3"});
    swarm.network.restart({"ml3"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

/// A quorum of two members is both: their first reports come from the disk, as with `all`.
TEST(EarlyReport, IsSentOnlyWhereTheCommitDoesNotWaitForAllDisks) {
    using Counted = std::pair<Durability, int>;
    for (const auto& [durable, members] : {Counted{Durability::all, 3},
                                           {Durability::quorum, 2},
                                           {Durability::quorum, 3},
                                           {Durability::none, 2}}) {
        MemorySwarm swarm{5};
        swarm.network.disk_bytes_per_second = 1e6;
        int early = 0;
        for (int pair = 1; pair <= members; ++pair) {
            swarm.tampered["sl" + std::to_string(pair)] = [&early](std::unique_ptr<Node> node) {
                const auto count = [&early](Effect& effect) {
                    const auto* send = std::get_if<Send>(&effect);
                    const auto* beat =
                        send ? std::get_if<Heartbeat>(&send->frame.message) : nullptr;
                    early += beat != nullptr && beat->report && !beat->report->durable ? 1 : 0;
                };
                return std::make_unique<TamperedNode>(std::move(node), nullptr, count);
            };
            swarm.add_pair(pair, {.elements = 150'000,
                                  .min_peers = static_cast<std::uint32_t>(members),
                                  .syncs = 3,
                                  .durable = durable});
        }
        ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
        const bool waits_for_all =
            durable == Durability::all || (durable == Durability::quorum && members == 2);
        EXPECT_EQ(early == 0, waits_for_all) << to_string(durable) << " " << members;
    }
}

/// Rounds take as long as a disk needs for a model: a member that stored the model of a round
/// before it goes on to the next one would always be a round late.
class SlowDisk : public testing::TestWithParam<Durability> {};

TEST_P(SlowDisk, AMemberThatReturnsTakesPartAgain) {
    MemorySwarm swarm{5};
    swarm.network.disk_bytes_per_second = 3e5;
    for (const int pair : {1, 2, 3}) {
        swarm.add_pair(pair, {.elements = 150'000,
                              .min_peers = 2,
                              .syncs = 30,
                              .grace = milliseconds(10),
                              .durable = GetParam()});
    }
    ASSERT_TRUE(swarm.run_to_round(1));
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.restart_pair(3);
    const auto takes_part = [&] {
        const auto committed = swarm.trace.named("round_committed", "sn1");
        return field(committed.back(), "round") > "4" && field(committed.back(), "members") == "3";
    };
    EXPECT_TRUE(swarm.network.run(takes_part, swarm.network.now() + std::chrono::seconds(20)));
}

/// All crash before one of them has the model of round 1 on its disk.
TEST(LostModel, IsNamedWithWhoHadItAndTheRunCanBeEnded) {
    MemorySwarm swarm{5};
    swarm.network.disk_bytes_per_second = 1e5;
    for (const int pair : {1, 2, 3}) {
        swarm.add_pair(
            pair, {.elements = 150'000, .min_peers = 3, .syncs = 4, .durable = Durability::none});
    }
    ASSERT_TRUE(swarm.run_to_round(1));
    for (const int pair : {1, 2, 3}) {
        swarm.crash_pair(pair);
    }
    swarm.restart_pair(1);
    swarm.restart_pair(2);
    const auto says = [&](const char* what) {
        return swarm.network.run([&] { return swarm.trace.logged(what, "sn1"); },
                                 swarm.network.now() + std::chrono::minutes(2));
    };
    ASSERT_TRUE(
        says("Nobody sends the model of round 1, for which 'sl1', 'sl2' ask. It was "
             "reported by 'sl1', 'sl2', 'sl3'. Not connected of these: 'sl3'"))
        << swarm.trace.tail();
    EXPECT_FALSE(swarm.trace.logged("on the disk of none", "sn1"));
    swarm.restart_pair(3);
    ASSERT_TRUE(says("It is on the disk of none of them (the contract's durable is 'none')"));
    EXPECT_EQ(field(swarm.trace.named("model_missing").back(), "lost"), "1");

    // What the line advises.
    for (const NodeId& sl : swarm.sls) {
        swarm.network.deliver(sl, StopRequested{"SIGTERM"});
    }
    swarm.run_for(std::chrono::seconds(5));
    for (const int pair : {1, 2, 3}) {
        swarm.restart_pair(pair);
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(field(swarm.trace.named("round_committed").back(), "run"), "1");
}

const auto each_durability = testing::Values(Durability::all, Durability::quorum, Durability::none);
constexpr auto name_of_durability = [](const auto& durable) {
    return std::string(to_string(durable.param));
};
INSTANTIATE_TEST_SUITE_P(Each, Durable, each_durability, name_of_durability);
INSTANTIATE_TEST_SUITE_P(Each, SlowDisk, each_durability, name_of_durability);

}  // namespace
}  // namespace starling::test
