// Members that fail, return, arrive late or are slow: every round ends, and all end with one model.
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Return : public testing::Test {
protected:
    void add_pairs(int count, ToyOptions toy = {}) {
        toy.syncs = std::max(toy.syncs, 30U);
        toy.batch_time = milliseconds(20);
        toy.elements = 100'000;
        for (int i = 1; i <= count; ++i) {
            swarm.add_pair(i, toy);
        }
    }
    /// Runs until `node` reports `event` once more.
    bool run_until(const std::string& event, const std::string& node) {
        const std::size_t before = swarm.trace.named(event, node).size();
        return swarm.network.run([&] { return swarm.trace.named(event, node).size() > before; },
                                 swarm.network.now() + seconds(120));
    }
    void expect_good_end() {
        ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
        swarm.expect_one_final_model();
    }
    MemorySwarm swarm{3};
};

TEST_F(Return, AKilledPairReturnsWhileTheOthersTrain) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.crash_pair(3);
    swarm.run_for(seconds(4));
    swarm.restart_pair(3);
    expect_good_end();
    EXPECT_EQ(swarm.trace.named("caught_up", "sl3").size(), 1U);
}

TEST_F(Return, TheOthersWaitIfItIsNeeded) {
    add_pairs(2);
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.crash_pair(2);
    swarm.run_for(seconds(20));
    const std::size_t committed = swarm.trace.named("round_committed").size();
    EXPECT_TRUE(swarm.trace.logged("1/2", "sl1"));
    swarm.run_for(seconds(20));
    EXPECT_EQ(swarm.trace.named("round_committed").size(), committed);
    swarm.restart_pair(2);
    expect_good_end();
}

TEST_F(Return, TheOthersEndAtTheWaitLimit) {
    add_pairs(2, {.wait_limit = seconds(10)});
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.crash_pair(2);
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped({{"sl1"}, {"ml1"}});
        },
        swarm.network.now() + seconds(20)));
    EXPECT_EQ(swarm.code("ml1"), exit_code::aborted);
    EXPECT_TRUE(swarm.trace.logged("the wait limit of 10 s is over: 1 of min_peers 2", "ml1"));
}

TEST_F(Return, KilledDuringAnExchange) {
    add_pairs(3, {.min_peers = 3});
    ASSERT_TRUE(swarm.run_to_round(4));
    ASSERT_TRUE(run_until("exchange_begin", "sl2"));
    swarm.crash_pair(2);
    swarm.run_for(seconds(3));
    swarm.restart_pair(2);
    expect_good_end();
}

TEST_F(Return, KilledRightAfterACommit) {
    add_pairs(2);
    ASSERT_TRUE(swarm.run_to_round(4));
    ASSERT_TRUE(run_until("round_done", "sl1"));
    swarm.crash_pair(1);
    swarm.run_for(milliseconds(100));
    swarm.restart_pair(1);
    expect_good_end();
}

TEST_F(Return, AKilledMlProgramEndsItsPair) {
    add_pairs(2);
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.network.crash({"ml2"});
    ASSERT_TRUE(run_until("node_stopped", "sl2"));
    EXPECT_EQ(swarm.code("sl2"), exit_code::peer_lost);
    EXPECT_TRUE(swarm.trace.logged("its ML node 'ml2' was lost", "sl2"));
    swarm.restart_pair(2);
    expect_good_end();
}

TEST_F(Return, ALateMemberStartsWithTheCommittedModel) {
    add_pairs(3);
    swarm.crash_pair(3);  // not present at the start
    ASSERT_TRUE(swarm.run_to_round(10));
    swarm.restart_pair(3);
    expect_good_end();
    const auto ends = swarm.trace.named("sync_end", "ml3");
    const auto committed = swarm.trace.named("round_committed");
    ASSERT_FALSE(ends.empty());
    EXPECT_GE(std::stoi(field(ends.front(), "round")), 10);
    for (const auto& line : committed) {
        if (field(line, "round") == field(ends.front(), "round")) {
            EXPECT_EQ(field(line, "digest"), field(ends.front(), "digest"));
        }
    }
}

TEST_F(Return, AMemberPartitionedForLongerThanItsLease) {
    add_pairs(3, {.syncs = 100});
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.network.partition({{"sl2"}, {"ml2"}});
    swarm.run_for(seconds(20));
    swarm.network.heal();
    expect_good_end();
    EXPECT_TRUE(swarm.trace.logged("Rejoining", "sl2"));
}

TEST_F(Return, TwoMembersThatCannotReachEachOtherContinueThroughTheOthers) {
    add_pairs(3, {.min_peers = 3});
    ASSERT_TRUE(swarm.run_to_round(2));
    swarm.network.block({"sl1"}, {"sl2"});
    ASSERT_TRUE(run_until("members_kept_apart", "sn1"));
    EXPECT_TRUE(swarm.trace.logged("Nothing moves between member 'sl2' and 'sl1' in round", "sn1"));
    expect_good_end();
    EXPECT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 1U);
    EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
    EXPECT_TRUE(swarm.trace.named("member_gone").empty());
}

/// What a member had received before it changed its SN does not count as moving now.
TEST_F(Return, NewConnectionsToTheSnDoNotProlongAStandstill) {
    add_pairs(4, {.min_peers = 4});
    ASSERT_TRUE(swarm.run_to_round(2));
    swarm.network.block({"sl1"}, {"sl2"});
    for (int i = 0; i < 20 && swarm.trace.named("members_kept_apart").empty(); ++i) {
        swarm.run_for(seconds(6));
        for (const NodeId& sl : swarm.sls) {
            swarm.network.reset(sl, {"sn1"});
        }
    }
    EXPECT_FALSE(swarm.trace.named("members_kept_apart").empty()) << swarm.trace.tail();
    expect_good_end();
}

TEST_F(Return, AMemberThatRefusesTheOthersIsExcludedAndFetchesTheModel) {
    for (const int number : {1, 2, 3}) {
        swarm.add_pair(number, {.min_peers = 2}, number != 3);
    }
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    EXPECT_TRUE(swarm.trace.logged("member 'sl3' at 10.0.0.3:16000 can't be reached", "sl1"))
        << swarm.trace.tail();
}

/// Each attempt that the member refuses to take part in costs the others seconds: a tenth of a
/// stall.
TEST_F(Return, AMemberThatRefusesOthersStopsNobodyElseAndIsExpelled) {
    for (const int number : {1, 2, 3}) {
        swarm.add_pair(number, {.min_peers = 2, .syncs = 120, .batch_time = milliseconds(20)},
                       number != 3);
    }
    ASSERT_TRUE(swarm.run_to_round(5));
    swarm.crash_pair(1);
    ASSERT_TRUE(run_until("member_gone", "sn1"));
    swarm.run_for(seconds(1));
    swarm.network.reset({"sl2"}, {"sl3"});  // now sl2 is left with the member that refuses it
    swarm.run_for(seconds(25));
    EXPECT_EQ(swarm.code("sl2"), -1);
    swarm.restart_pair(1);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    for (const char* node : {"ml1", "ml2"}) {
        EXPECT_EQ(swarm.code(node), 0) << node;
        EXPECT_EQ(field(swarm.trace.named("sync_end", node).back(), "final"), "1") << node;
    }
    EXPECT_EQ(swarm.code("sl3"), exit_code::refused);
    EXPECT_TRUE(swarm.trace.logged("restarted during rounds or refused connections", "sl3"));
    EXPECT_LE(swarm.trace.named("member_excluded", "sn1").size(),
              holdups_max * rounds_per_holdup / rounds_per_refusal);
}

TEST_F(Return, AMemberRefusedByAllEndsWithAMessage) {
    for (const int number : {1, 2}) {
        swarm.add_pair(number, {.min_peers = 2}, number != 2);
    }
    swarm.network.run([&] { return swarm.code("sl1") >= 0; }, swarm.network.now() + seconds(60));
    EXPECT_EQ(swarm.code("sl1"), exit_code::refused);
    EXPECT_TRUE(swarm.trace.logged("no other member accepts this SL either", "sl1"))
        << swarm.trace.tail();
}

TEST_F(Return, NobodyIsExcludedIfAllAreNeeded) {
    add_pairs(3, {.min_peers = 3});
    ASSERT_TRUE(swarm.run_to_round(2));
    swarm.network.block({"sl1"}, {"sl2"});
    swarm.network.block({"sl1"}, {"sl3"});
    ASSERT_TRUE(run_until("round_stands_still", "sn1")) << swarm.trace.tail();
    EXPECT_TRUE(swarm.trace.logged("It is waited for, since min_peers 3 needs it", "sn1"));
    swarm.run_for(seconds(300));
    swarm.network.heal();
    expect_good_end();
    EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
    EXPECT_TRUE(swarm.trace.named("member_gone").empty());
}

TEST_F(Return, AMemberWhoseDiskFailedIsWaitedFor) {
    add_pairs(3, {.min_peers = 3});
    ASSERT_TRUE(swarm.run_to_round(4));
    swarm.sl_stores[3]->fail_next_write = true;
    ASSERT_TRUE(run_until("node_stopped", "sl3"));
    EXPECT_EQ(swarm.code("sl3"), exit_code::failed);
    EXPECT_TRUE(swarm.trace.logged("can't be stored", "sl3"));
    swarm.run_for(seconds(3));
    swarm.restart_pair(3);
    expect_good_end();
}

TEST_F(Return, ASlowMemberEndsWithTheSameModel) {
    ToyOptions toy{.elements = 50'000, .syncs = 20, .batch_time = milliseconds(5)};
    toy.grace = milliseconds(200);
    swarm.add_pair(1, toy);
    swarm.add_pair(2, toy);
    toy.batch_time = milliseconds(50);
    swarm.add_pair(3, toy);
    expect_good_end();
    EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
}

TEST_F(Return, KilledBetweenItsLastReportAndTheCommit) {
    add_pairs(2, {.durable = Durability::quorum});  // reports, not check-ins that tell of a merge
    // The merge of the final round is on disk and reported.
    const auto final_report = [&] {
        const auto reports = swarm.trace.named("merge_reported", "sn1");
        const auto check_ins = swarm.trace.named("check_in", "sl2");
        return !check_ins.empty() && field(check_ins.back(), "finished") == "1" &&
               !reports.empty() && field(reports.back(), "node") == "sl2" &&
               field(reports.back(), "round") == field(check_ins.back(), "round");
    };
    ASSERT_TRUE(swarm.network.run(final_report, swarm.network.now() + seconds(120)));
    swarm.crash_pair(2);
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped({{"sl1"}, {"ml1"}});
        },
        swarm.network.now() + seconds(60)));
    swarm.run_for(seconds(12));  // longer than its lease
    swarm.restart_pair(2);
    expect_good_end();
    // What is started afterwards is a new training.
    swarm.restart_pair(1);
    swarm.restart_pair(2);
    ASSERT_TRUE(run_until("session_opened", "sl2"));
    EXPECT_EQ(field(swarm.trace.named("session_opened", "sl2").back(), "run"), "1");
    expect_good_end();
}

/// The members have merged and reported, and their leases expire before they learn of the commit:
/// nobody else has the model.
TEST_F(Return, MembersPartitionedBetweenTheirReportsAndTheCommit) {
    add_pairs(2);
    ASSERT_TRUE(swarm.run_to_round(5));
    const auto rounds = [&] { return swarm.trace.named("round_committed").size(); };
    ASSERT_TRUE(run_until("exchange_begin", "sl1"));
    const std::size_t before = rounds();
    swarm.network.mute({"sn1"}, {"sl1"});
    swarm.network.mute({"sn1"}, {"sl2"});
    ASSERT_TRUE(
        swarm.network.run([&] { return rounds() > before; }, swarm.network.now() + seconds(30)));
    swarm.network.partition({{"sn1"}});
    swarm.run_for(seconds(60));
    EXPECT_EQ(swarm.trace.named("member_gone").size(), 2U);
    swarm.network.heal();
    expect_good_end();
}

TEST_F(Return, AMemberPartitionedAtTheEndStillGetsTheFinalModel) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run_to_round(25));
    swarm.network.partition({{"sl3"}, {"ml3"}});
    ASSERT_TRUE(run_until("contract_ended", "sn1"));
    swarm.run_for(seconds(1));
    swarm.network.heal();
    expect_good_end();
}

TEST_F(Return, AllPairsAreKilledAndRestarted) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run_to_round(6));
    for (int i = 1; i <= 3; ++i) {
        swarm.crash_pair(i);
    }
    swarm.run_for(seconds(5));
    for (int i = 1; i <= 3; ++i) {
        swarm.restart_pair(i);
    }
    expect_good_end();
}

/// Both members that have the model were restarted at other addresses, and can't continue without
/// the one that needs it.
TEST_F(Return, AModelIsFetchedFromTheNewAddressOfARestartedMember) {
    ToyOptions toy;
    toy.min_peers = 2;
    toy.grace = milliseconds(300);
    add_pairs(3, toy);
    ASSERT_TRUE(swarm.run_to_round(3));
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(6));
    swarm.network.block({"sl1"}, {"sl2"});
    swarm.add_copy(1);
    swarm.add_copy(2);
    swarm.network.block({"sl1-copy"}, {"sl2-copy"});
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped({{"sl1"}, {"sl2"}});
        },
        swarm.network.now() + seconds(30)))
        << swarm.trace.tail();
    const std::size_t before = swarm.trace.named("round_committed").size();
    swarm.restart_pair(3);
    EXPECT_TRUE(
        swarm.network.run([&] { return swarm.trace.named("round_committed").size() > before; },
                          swarm.network.now() + std::chrono::minutes(4)))
        << swarm.trace.tail();
}

/// No round is in progress, and none can start: the only member with the model was restarted at
/// another address.
TEST_F(Return, TheOnlyHolderOfAModelIsFoundAtItsNewAddress) {
    ToyOptions toy;
    toy.min_peers = 2;
    add_pairs(2, toy);
    ASSERT_TRUE(swarm.run_to_round(6));
    swarm.crash_pair(2);
    swarm.sl_stores[2]->models.clear();
    swarm.add_copy(1);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.network.all_stopped({{"sl1"}}); },
                                  swarm.network.now() + seconds(30)))
        << swarm.trace.tail();
    swarm.restart_pair(2);
    EXPECT_TRUE(swarm.run_to_round(9, std::chrono::minutes(4))) << swarm.trace.tail();
}

/// A member that was not in the commit has fetched its model. All that were in it lose their disks.
TEST_F(Return, AModelIsFetchedFromAMemberThatHasFetchedIt) {
    ToyOptions toy;
    toy.min_peers = 2;
    add_pairs(3, toy);
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(6));
    swarm.restart_pair(3);
    ASSERT_TRUE(run_until("caught_up", "sl3"));
    for (const int pair : {1, 2}) {
        swarm.crash_pair(pair);
        swarm.sl_stores[pair]->models.clear();
    }
    ASSERT_TRUE(run_until("waiting", "sl3")) << swarm.trace.tail();
    for (const int pair : {1, 2}) {
        swarm.restart_pair(pair);
    }
    EXPECT_TRUE(run_until("caught_up", "sl1")) << swarm.trace.tail();
    expect_good_end();
}

}  // namespace
}  // namespace starling::test
