// Whole swarms on the memory network: what members and operators rely on.
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Swarm, TwoMembersEndWithTheSameModel) {
    MemorySwarm swarm;
    swarm.add_pair(1, {});
    swarm.add_pair(2, {});
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_TRUE(swarm.trace.logged("Starting SWARM-API-SERVER on port: 30304", "sn1"));
    // Round 0, three rounds during training, one at the end; each entered and reported by both.
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 5U);
    EXPECT_EQ(swarm.trace.named("checked_in").size(), 10U);
}

TEST(Swarm, EveryRoundHasOneDigestEverywhere) {
    MemorySwarm swarm;
    for (int i = 1; i <= 5; ++i) {
        swarm.add_pair(i, {.elements = 700'000, .min_peers = 5});
    }
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    for (const auto& committed : swarm.trace.named("round_committed")) {
        std::size_t seen = 0;
        for (const auto& end : swarm.trace.named("sync_end")) {
            if (field(end, "round") == field(committed, "round")) {
                EXPECT_EQ(field(end, "digest"), field(committed, "digest"));
                ++seen;
            }
        }
        EXPECT_EQ(seen, 5U);
    }
}

TEST(Swarm, AMemberSendsAndReceivesTwoModelsPerRoundAtMost) {
    constexpr std::size_t elements = 1'048'576;  // 4 MiB: 16 segments
    MemorySwarm swarm;
    for (int i = 1; i <= 4; ++i) {
        swarm.add_pair(i, {.elements = elements, .min_peers = 4, .syncs = 1});
    }
    ASSERT_TRUE(swarm.run());
    for (const auto& done : swarm.trace.named("exchange_done")) {
        // 2 P (K-1)/K bytes each way (butterfly all-reduce).
        EXPECT_EQ(field(done, "sent_bytes"), std::to_string(elements * 4 * 2 * 3 / 4));
        EXPECT_EQ(field(done, "received_bytes"), std::to_string(elements * 4 * 2 * 3 / 4));
    }
}

TEST(Swarm, SameSeedGivesTheSameTrace) {
    const auto run = [](std::uint64_t seed) {
        MemorySwarm swarm(seed);
        swarm.network.faults.reset = 0.01;
        swarm.add_pair(1, {.elements = 200'000});
        swarm.add_pair(2, {.elements = 200'000});
        EXPECT_TRUE(swarm.run());
        return swarm.trace.text;
    };
    EXPECT_EQ(run(7), run(7));
    EXPECT_NE(run(7), run(8));
}

TEST(Swarm, ASlowMemberAlsoEndsWithTheFinalModel) {
    MemorySwarm swarm;
    swarm.add_pair(1, {});
    swarm.add_pair(2, {.syncs = 9, .batch_time = milliseconds(10)});
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 11U);
}

TEST(Swarm, FinishedMembersOfEveryEndModeGetTheFinalModel) {
    for (const EndMode mode : {EndMode::snapshot, EndMode::active, EndMode::inactive}) {
        MemorySwarm swarm;
        swarm.add_pair(1, {.syncs = 1, .end_mode = mode});
        swarm.add_pair(2, {.syncs = 5, .end_mode = mode});
        ASSERT_TRUE(swarm.run()) << to_string(mode);
        swarm.expect_one_final_model();
    }
}

TEST(Swarm, LossDuplicationReorderingAndResetsDoNotStopTraining) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        MemorySwarm swarm(seed);
        swarm.network.faults = {.delay_min = milliseconds(1),
                                .delay_max = milliseconds(30),
                                .reset = 0.01,
                                .drop = 0.02,
                                .duplicate = 0.05,
                                .reorder = 0.2};
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(i, {.elements = 150'000, .min_peers = 3});
        }
        ASSERT_TRUE(swarm.run()) << "seed " << seed;
        swarm.expect_one_final_model();
        if (::testing::Test::HasFailure()) {
            FAIL() << "seed " << seed;
        }
    }
}

TEST(Swarm, AHealedPartitionCostsTimeButNoRound) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.syncs = 20, .batch_time = milliseconds(20)});
    swarm.add_pair(2, {.syncs = 20, .batch_time = milliseconds(20)});
    swarm.network.at(SwarmTime{seconds(2)}, [&] { swarm.network.partition({{"sl2"}, {"ml2"}}); });
    swarm.network.at(SwarmTime{milliseconds(3500)}, [&] { swarm.network.heal(); });
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 22U);
}

TEST(Swarm, WithEnoughMembersLeftALossCausesANewAttempt) {
    MemorySwarm swarm;
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.elements = 3'000'000, .syncs = 6, .batch_time = milliseconds(20)});
    }
    swarm.network.at(SwarmTime{seconds(1)}, [&] { swarm.network.crash({"sl3"}); });
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped({{"sl1"}, {"sl2"}, {"ml1"}, {"ml2"}});
        },
        SwarmTime{std::chrono::minutes(5)}));
    for (const char* node : {"sl1", "sl2", "ml1", "ml2"}) {
        EXPECT_EQ(swarm.code(node), 0) << node;
    }
    EXPECT_EQ(field(swarm.trace.named("round_committed").back(), "members"), "2");
}

TEST(Swarm, TooFewMembersEndAtTheWaitLimit) {
    MemorySwarm swarm;
    const ToyOptions toy{.min_peers = 3, .wait_limit = seconds(10)};
    swarm.add_pair(1, toy);
    swarm.add_pair(2, toy);
    ASSERT_TRUE(swarm.run());
    EXPECT_LT(swarm.network.now(), SwarmTime{seconds(15)});
    for (const char* node : {"sl1", "sl2", "ml1", "ml2"}) {
        EXPECT_EQ(swarm.code(node), exit_code::aborted) << node;
    }
    EXPECT_TRUE(swarm.trace.logged("the wait limit of 10 s is over: 2 of min_peers 3", "ml1"));
    EXPECT_TRUE(swarm.trace.logged("round 0, 2/3", "sl1"));
}

TEST(Swarm, ADifferentLayoutIsRefusedNamingBoth) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.wait_limit = seconds(10)});
    swarm.add_pair(2, {.wait_limit = seconds(10), .parameters = ToyParameters::with_extra_tensor});
    ASSERT_TRUE(swarm.run());
    const bool first_won = swarm.code("sl2") == exit_code::refused;
    const std::string refused = first_won ? "2" : "1";
    EXPECT_EQ(swarm.code("sl" + refused), exit_code::refused);
    EXPECT_EQ(swarm.code("ml" + refused), exit_code::refused);
    for (const char* part :
         {"1 tensors, 1000 parameters", "2 tensors, 1003 parameters", "'bias' F32 3"}) {
        EXPECT_TRUE(swarm.trace.logged(part, "ml" + refused)) << part;
    }
}

TEST(Swarm, ARestartedSnContinuesFromItsLog) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.syncs = 20, .batch_time = milliseconds(20)});
    swarm.add_pair(2, {.syncs = 20, .batch_time = milliseconds(20)});
    swarm.network.at(SwarmTime{seconds(2)}, [&] { swarm.network.crash({"sn1"}); });
    swarm.network.at(SwarmTime{seconds(4)}, [&] { swarm.network.restart({"sn1"}); });
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 22U);
    EXPECT_TRUE(swarm.trace.logged("Recovered", "sn1"));
}

TEST(Swarm, AFullDiskStopsTheSnAndTheOthersReportIt) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.syncs = 1000, .batch_time = milliseconds(20)});
    swarm.add_pair(2, {.syncs = 1000, .batch_time = milliseconds(20)});
    swarm.network.at(SwarmTime{seconds(2)}, [&] { swarm.sn_store().full = true; });
    ASSERT_TRUE(swarm.run());
    EXPECT_EQ(swarm.code("sn1"), exit_code::failed);
    EXPECT_EQ(swarm.code("sl1"), exit_code::peer_lost);
    EXPECT_TRUE(swarm.trace.logged("no SN at", "ml1"));
}

TEST(Swarm, AnOperatorsStopEndsAllNodesWithAClearReason) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.syncs = 1000, .batch_time = milliseconds(20)});
    swarm.add_pair(2, {.syncs = 1000, .batch_time = milliseconds(20)});
    swarm.network.at(SwarmTime{seconds(2)},
                     [&] { swarm.network.deliver({"sl1"}, StopRequested{"SIGTERM"}); });
    ASSERT_TRUE(swarm.run(seconds(8)));
    EXPECT_EQ(swarm.code("sl1"), exit_code::aborted);
    EXPECT_TRUE(swarm.trace.logged("stopped by the operator", "ml2"));
}

TEST(Swarm, AStopAfterTheEndIsNoAbort) {
    MemorySwarm swarm;
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.syncs = 10, .grace = milliseconds(100)});
    }
    ASSERT_TRUE(swarm.run_to_round(2));
    swarm.crash_pair(3);
    const auto lingers = [&] {
        return swarm.trace.logged("members that missed the final round may fetch", "sl1");
    };
    ASSERT_TRUE(swarm.network.run(lingers, swarm.network.now() + seconds(120)));
    swarm.network.deliver({"sl1"}, StopRequested{"SIGTERM"});
    ASSERT_TRUE(swarm.network.run([&] { return swarm.network.all_stopped({{"sl1"}}); },
                                  swarm.network.now() + seconds(3)))
        << swarm.trace.tail();
    EXPECT_EQ(swarm.code("sl1"), exit_code::ok);
}

TEST(Swarm, AFailureBesideAnSlIsNotReportedAsAnOperatorsStop) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.syncs = 1000, .batch_time = milliseconds(20)});
    swarm.network.at(SwarmTime{seconds(2)}, [&] {
        swarm.network.deliver({"sl1"}, StopRequested{"its program has crashed", Errc::program});
    });
    ASSERT_TRUE(swarm.run(seconds(8)));
    EXPECT_EQ(swarm.code("sl1"), exit_code::failed);
    EXPECT_TRUE(swarm.trace.logged("Exiting SL. Reason: its program has crashed", "sl1"));
    EXPECT_FALSE(swarm.trace.logged("operator"));
}

TEST(Swarm, ASecondTrainingRunsOnTheSameSn) {
    MemorySwarm swarm;
    swarm.add_pair(1, {});
    swarm.add_pair(2, {});
    ASSERT_TRUE(swarm.run());
    for (const char* node : {"sl1", "sl2", "ml1", "ml2"}) {
        swarm.network.restart({node});
    }
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 10U);
}

}  // namespace
}  // namespace starling::test
