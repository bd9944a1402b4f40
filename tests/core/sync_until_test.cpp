// Programs that do not wait for the commit of a round (SyncUntil): they train from its merged model
// while it is stored, reported and committed, and get another one if that is committed instead.
#include "core/ml/sync_until.hpp"

#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool is(const TraceRecorder::Line& line, const char* name, const std::string& value) {
    return field(line, name) == value;
}

class UntilMerge : public testing::Test {
protected:
    /// A model has three segments, and a disk takes 600 ms for it.
    static ToyOptions toy(bool until_merge) {
        return {.elements = 150'000,
                .min_peers = 2,
                .syncs = 6,
                .batch_time = milliseconds(100),
                .grace = seconds(1),
                .until_merge = until_merge,
                .keeps_state = true};
    }
    static void add_pairs(MemorySwarm& to, int count, bool until_merge) {
        to.network.disk_bytes_per_second = 1e6;
        for (int pair = 1; pair <= count; ++pair) {
            to.add_pair(pair, toy(until_merge));
        }
    }
    void add_pairs(int count) { add_pairs(swarm, count, true); }
    /// Of the committed rounds.
    static std::vector<std::string> digests(const MemorySwarm& of) {
        std::vector<std::string> found;
        for (const auto& committed : of.trace.named("round_committed", "sn1")) {
            found.push_back(field(committed, "digest"));
        }
        return found;
    }
    /// Ends of syncs with models that are not committed yet, of this round.
    std::vector<TraceRecorder::Line> uncommitted(const std::string& round) const {
        std::vector<TraceRecorder::Line> found;
        for (const auto& end : swarm.trace.named("sync_end")) {
            if (is(end, "committed", "0") && is(end, "round", round)) {
                found.push_back(end);
            }
        }
        return found;
    }
    bool run_until_given(const std::string& round, std::size_t members) {
        return swarm.network.run([&] { return uncommitted(round).size() >= members; },
                                 from_ns(120'000'000'000));
    }

    MemorySwarm swarm{5};
};

TEST_F(UntilMerge, ProgramsTrainWhileTheirRoundIsCommitted) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    const auto commits = swarm.trace.named("round_committed", "sn1");
    ASSERT_GE(commits.size(), 6U);
    for (const auto& commit : commits) {
        const std::string round = field(commit, "round");
        const auto given = uncommitted(round);
        // The first sync and the last one wait for the commit.
        const bool waits = round == "0" || is(commit, "final", "1");
        EXPECT_EQ(given.size(), waits ? 0U : 3U) << "round " << round;
        for (const auto& end : given) {
            EXPECT_LT(end.time + milliseconds(500), commit.time) << "round " << round;
            EXPECT_EQ(field(end, "digest"), field(commit, "digest"));
        }
    }
    EXPECT_EQ(swarm.trace.named("sync_committed").size(), 3 * (commits.size() - 2));
}

TEST_F(UntilMerge, TheModelsAreThoseOfProgramsThatWait) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    MemorySwarm waits{5};
    add_pairs(waits, 3, false);
    ASSERT_TRUE(waits.run());
    EXPECT_EQ(digests(swarm), digests(waits));
    EXPECT_TRUE(waits.trace.named("sync_committed").empty());
}

/// The others merge the round again without the member that was lost before it had reported.
TEST_F(UntilMerge, AModelThatIsNotCommittedIsReplacedAtTheNextSync) {
    add_pairs(3);
    ASSERT_TRUE(run_until_given("2", 3)) << swarm.trace.tail();
    const std::string given = field(uncommitted("2").front(), "digest");
    swarm.crash_pair(3);
    swarm.mls.erase({"ml3"});
    swarm.sls.erase({"sl3"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    for (const std::string ml : {"ml1", "ml2"}) {
        std::vector<TraceRecorder::Line> of_round;
        for (const auto& end : swarm.trace.named("sync_end", ml)) {
            if (is(end, "round", "2")) {
                of_round.push_back(end);
            }
        }
        ASSERT_EQ(of_round.size(), 2U) << ml;
        EXPECT_TRUE(is(of_round[1], "committed", "1"));
        EXPECT_NE(field(of_round[1], "digest"), given);
    }
    EXPECT_TRUE(uncommitted("3").empty()) << "rounds after that wait for their commit";
}

/// With two cores, the SN and the disk would take them from the exchange.
TEST_F(UntilMerge, MembersCheckInOnceTheirProgramsHaveTheMergedModel) {
    add_pairs(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    int seen = 0;
    for (const auto& check_in : swarm.trace.named("checked_in", "sn1")) {
        const std::string number = field(check_in, "node").substr(2);
        for (const auto& end : uncommitted(field(check_in, "round"))) {
            if (end.node.name == "ml" + number) {
                EXPECT_LE(end.time, check_in.time) << "round " << field(check_in, "round");
                ++seen;
            }
        }
    }
    EXPECT_GE(seen, 15);
}

/// It may check in before or after the others have merged without it.
TEST_F(UntilMerge, AMemberThatJoinsCostsTheOthersOneSyncAtMost) {
    add_pairs(2);
    ASSERT_TRUE(run_until_given("2", 2)) << swarm.trace.tail();
    swarm.add_pair(3, toy(true));
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    for (const std::string ml : {"ml1", "ml2"}) {
        std::map<std::string, int> ends;
        for (const auto& end : swarm.trace.named("sync_end", ml)) {
            ++ends[field(end, "round")];
        }
        EXPECT_LE(std::ranges::count_if(ends, [](const auto& of) { return of.second > 1; }), 1);
    }
}

TEST_F(UntilMerge, AMemberThatHasLostItsSnChecksInLater) {
    add_pairs(2);
    ASSERT_TRUE(run_until_given("2", 2)) << swarm.trace.tail();
    swarm.network.crash({"sn1"});
    swarm.run_for(seconds(20));
    swarm.network.restart({"sn1"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

TEST_F(UntilMerge, ACrashBetweenMergeAndCommitChangesNoModel) {
    add_pairs(2);
    ASSERT_TRUE(run_until_given("2", 2)) << swarm.trace.tail();
    swarm.crash_pair(2);
    swarm.restart_pair(2);
    ASSERT_TRUE(swarm.run_to_round(4)) << swarm.trace.tail();
    swarm.crash_pair(1);
    swarm.restart_pair(1);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    MemorySwarm undisturbed{5};
    add_pairs(undisturbed, 2, true);
    ASSERT_TRUE(undisturbed.run());
    EXPECT_EQ(digests(swarm).back(), digests(undisturbed).back());
}

/// The check-in is delayed until the exchange is over, but no longer than a heartbeat's interval.
TEST_F(UntilMerge, AMemberThatWaitsForAnotherHasCheckedIn) {
    add_pairs(1);
    ToyOptions slow = toy(true);
    slow.batch_time = seconds(2);
    swarm.add_pair(2, slow);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    std::map<std::string, SwarmTime> begun;
    for (const auto& begin : swarm.trace.named("check_in", "sl1")) {
        begun.emplace(field(begin, "round"), begin.time);
    }
    int seen = 0;
    for (const auto& applied : swarm.trace.named("checked_in", "sn1")) {
        if (is(applied, "node", "sl1")) {
            EXPECT_LT(applied.time - begun.at(field(applied, "round")), milliseconds(1200));
            ++seen;
        }
    }
    EXPECT_GE(seen, 6);
}

TEST(SyncUntil, IsReadByName) {
    EXPECT_EQ(*parse_sync_until("commit"), SyncUntil::commit);
    EXPECT_EQ(*parse_sync_until("merge"), SyncUntil::merge);
    EXPECT_EQ(parse_sync_until("never").error().message,
              "'never' does not say until when a sync waits: one of commit, merge");
}

}  // namespace
}  // namespace starling::test
