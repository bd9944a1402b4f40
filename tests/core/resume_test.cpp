// Training programs that are killed and restarted resume where they were.
#include <map>

#include "core/ml/state_choice.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/sanitizers.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Resume : public testing::Test {
public:
    static ToyOptions toy() {
        ToyOptions toy;
        toy.elements = 200'000;  // four segments
        toy.syncs = 6;
        toy.keeps_state = true;
        return toy;
    }
    static void add_pairs(MemorySwarm& swarm, const ToyOptions& toy) {
        swarm.add_pair(1, toy);
        swarm.add_pair(2, toy);
    }
    static bool final_committed(const MemorySwarm& swarm) {
        const auto committed = swarm.trace.named("round_committed");
        return !committed.empty() && field(committed.back(), "final") == "1";
    }
    static std::string final_digest(const MemorySwarm& swarm) {
        return field(swarm.trace.named("round_committed").back(), "digest");
    }
    /// Runs until the ML node of pair `number` has loaded the model of `round`.
    static bool run_to_sync(MemorySwarm& swarm, int number, int round) {
        return swarm.network.run(
            [&] {
                const auto ends = swarm.trace.named("sync_end", "ml" + std::to_string(number));
                return !ends.empty() && std::stoi(field(ends.back(), "round")) >= round;
            },
            swarm.network.now() + seconds(120));
    }
    static void restart(MemorySwarm& swarm, int number) {
        swarm.crash_pair(number);
        swarm.run_for(milliseconds(20));
        swarm.restart_pair(number);
    }
};

/// \param disk  of each node, in bytes per second
void kill_at_any_moment(const ToyOptions& toy, double disk) {
    const auto make = [&] {
        auto swarm = std::make_unique<MemorySwarm>(3);
        swarm->network.disk_bytes_per_second = disk;
        swarm->add_pair(1, toy);
        swarm->add_pair(2, toy);
        return swarm;
    };
    const auto undisturbed = make();
    ASSERT_TRUE(undisturbed->run());
    undisturbed->expect_one_final_model();
    const SwarmDuration whole = undisturbed->network.now().time_since_epoch();
    int resumed = 0;
    const int moments = with_sanitizers ? 25 : 100;
    for (int i = 0; i < moments; ++i) {
        const auto swarm = make();
        swarm->run_for(whole * i / moments);
        if (Resume::final_committed(*swarm)) {
            continue;
        }
        Resume::restart(*swarm, 2);
        if (Resume::final_committed(*swarm)) {
            continue;  // in its last round: nothing was left to do
        }
        ASSERT_TRUE(swarm->run()) << "killed at " << i << " of " << moments << swarm->trace.tail();
        swarm->expect_one_final_model();
        EXPECT_EQ(Resume::final_digest(*swarm), Resume::final_digest(*undisturbed))
            << "killed at " << i << " of " << moments;
        for (const auto& end : swarm->trace.named("state_kept", "ml2")) {
            resumed += field(end, "round") == "3" ? 1 : 0;
        }
    }
    EXPECT_GT(resumed, moments / 2);
}

TEST_F(Resume, AKillAtAnyMomentChangesNoBit) { kill_at_any_moment(toy(), 2e9); }

TEST_F(Resume, AKillAtAnyMomentChangesNoBitWhereProgramsTrainBeforeTheCommit) {
    ToyOptions options = toy();
    options.until_merge = true;
    kill_at_any_moment(options, 1e8);  // the disk takes 8 ms for a model, the training 16 ms
}

// The exchange and the reports of the round take far less time than storing the state.
TEST_F(Resume, AKillAtAnyMomentChangesNoBitWhereRoundsDoNotWaitForModels) {
    ToyOptions options = toy();
    options.durable = Durability::none;
    kill_at_any_moment(options, 1e6);
}

TEST_F(Resume, AStateIsStoredWhileMembersExchangeAndBeforeTheCommit) {
    MemorySwarm swarm(3);
    swarm.network.disk_bytes_per_second = 1e6;  // 800 ms for the state
    ToyOptions options = toy();
    options.durable = Durability::none;
    add_pairs(swarm, options);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    std::map<std::string, SwarmTime> exchanged, stored;
    for (const char* const merged : {"exchange_done", "merged_early"}) {
        for (const auto& done : swarm.trace.named(merged, "sl1")) {
            const auto [first, is_new] = exchanged.emplace(field(done, "round"), done.time);
            first->second = std::min(first->second, done.time);
        }
    }
    for (const char* const ml : {"ml1", "ml2"}) {
        for (const auto& kept : swarm.trace.named("state_kept", ml)) {
            SwarmTime& last = stored[field(kept, "round")];
            last = std::max(last, kept.time);
        }
    }
    ASSERT_GE(stored.size(), 4U);
    for (const auto& committed : swarm.trace.named("round_committed", "sn1")) {
        const std::string round = field(committed, "round");
        if (stored.contains(round)) {
            EXPECT_GT(stored.at(round), exchanged.at(round)) << "round " << round;
            EXPECT_GT(committed.time, stored.at(round)) << "round " << round;
        }
    }
}

TEST_F(Resume, UsesTheNewestParametersAndItsOwnPosition) {
    MemorySwarm swarm(3);
    ToyOptions options = toy();
    options.syncs = 40;
    options.grace = milliseconds(100);
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, options);
    }
    ASSERT_TRUE(run_to_sync(swarm, 3, 4));
    swarm.crash_pair(3);
    ASSERT_TRUE(run_to_sync(swarm, 1, 20));
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    const auto begins = swarm.trace.named("sync_begin", "ml3");
    // 4 or 5 of its 40 syncs were done; a training from the start would report 42.
    EXPECT_LE(std::stoi(field(begins.back(), "sync")), 37);
    EXPECT_GE(std::stoi(field(begins.back(), "sync")), 35);
}

TEST_F(Resume, ACompletedTrainingLeavesNoStateAndTheNextStartsAtZero) {
    MemorySwarm swarm(3);
    add_pairs(swarm, toy());
    ASSERT_TRUE(swarm.run());
    for (const int number : {1, 2}) {
        EXPECT_FALSE(swarm.ml_stores[number]->kept_states()[0]);
        EXPECT_FALSE(swarm.ml_stores[number]->kept_states()[1]);
    }
    const std::string first = final_digest(swarm);
    const std::size_t syncs = swarm.trace.named("sync_begin", "ml1").size();
    swarm.restart_pair(1);
    swarm.restart_pair(2);
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped(swarm.sls) && swarm.network.all_stopped(swarm.mls);
        },
        swarm.network.now() + seconds(60)));
    swarm.expect_one_final_model();
    EXPECT_EQ(final_digest(swarm), first);
    EXPECT_EQ(swarm.trace.named("sync_begin", "ml1").size(), 2 * syncs);
}

TEST_F(Resume, TheStateOfAnotherContractIsNotUsed) {
    MemorySwarm swarm(3);
    add_pairs(swarm, toy());
    ASSERT_TRUE(run_to_sync(swarm, 1, 3));
    for (const int number : {1, 2}) {
        swarm.crash_pair(number);
        swarm.toys[number].contract = "another";
    }
    swarm.restart_pair(1);
    swarm.restart_pair(2);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_TRUE(swarm.trace.logged("it is of contract 'default', and this is 'another'", "ml2"));
    EXPECT_EQ(field(swarm.trace.named("sync_begin", "ml2").back(), "sync"), "7");
}

TEST_F(Resume, AFullDiskIsTreatedAsACrash) {
    MemorySwarm undisturbed(3);
    add_pairs(undisturbed, toy());
    ASSERT_TRUE(undisturbed.run());
    MemorySwarm swarm(3);
    add_pairs(swarm, toy());
    ASSERT_TRUE(run_to_sync(swarm, 2, 3));
    const KeptStates kept = swarm.ml_stores[2]->kept_states();
    swarm.ml_stores[2]->full = true;
    ASSERT_TRUE(swarm.network.run(
        [&] {
            return swarm.network.all_stopped({{"sl2"}, {"ml2"}});
        },
        swarm.network.now() + seconds(20)));
    EXPECT_EQ(swarm.code("ml2"), exit_code::failed);
    EXPECT_EQ(swarm.code("sl2"), exit_code::failed);
    EXPECT_TRUE(swarm.trace.logged(
        "the program's state can't be stored: the disk of this node is full", "ml2"));
    ASSERT_TRUE(kept[0] && kept[1]);
    const std::size_t newest = kept[0]->round > kept[1]->round ? 0 : 1;
    ASSERT_TRUE(swarm.ml_stores[2]->kept_states()[newest]);
    EXPECT_EQ(swarm.ml_stores[2]->kept_states()[newest]->round, kept[newest]->round);
    swarm.run_for(seconds(30));
    EXPECT_EQ(swarm.code("sl1"), -1) << "it was stopped as well: " << swarm.trace.tail();
    swarm.ml_stores[2]->full = false;
    swarm.restart_pair(2);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(final_digest(swarm), final_digest(undisturbed));
}

// ---- Which state goes with a model

KeptState kept_at(Round round) { return {"default", 1, round, {}, {{2, 3}, {}}}; }

TEST(StateChoice, TakesTheNewestThatIsNotOfALaterRound) {
    const KeptStates kept = {kept_at(7), kept_at(8)};
    EXPECT_EQ(choose_state(kept, "default", 1, {}, 7).slot, 0U);
    EXPECT_EQ(choose_state(kept, "default", 1, {}, 8).slot, 1U);
    EXPECT_EQ(choose_state(kept, "default", 1, {}, 20).slot, 1U);
    EXPECT_EQ(choose_state({kept_at(8), kept_at(7)}, "default", 1, {}, 8).slot, 0U);
    EXPECT_EQ(choose_state({std::nullopt, kept_at(7)}, "default", 1, {}, 7).slot, 1U);
}

TEST(StateChoice, ReportsWhyNoStateIsUsable) {
    const KeptStates kept = {std::nullopt, kept_at(7)};
    Digest other;
    other.bytes[0] = std::byte{1};
    const auto reason = [&](const std::string& contract, std::uint32_t run, const Digest& layout,
                            Round round) {
        const StateChoice choice = choose_state(kept, contract, run, layout, round);
        EXPECT_FALSE(choice.slot);
        return choice.reason;
    };
    EXPECT_EQ(reason("x", 1, {}, 7), "it is of contract 'default', and this is 'x'");
    EXPECT_EQ(reason("default", 2, {}, 7), "it is of run 1 of the contract, and this is run 2");
    EXPECT_EQ(reason("default", 1, other, 7), "it is of a model with another layout");
    EXPECT_EQ(reason("default", 1, {}, 3), "it is of round 7, and the swarm is at 3");
}

}  // namespace
}  // namespace starling::test
