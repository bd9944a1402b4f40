// Models of more than 2^32 bytes, of phantoms, in virtual time.
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

constexpr std::uint64_t large_elements = 1'100'000'000;
constexpr std::uint64_t large_bytes = 4 * large_elements;  // 4.4 GB: 16,785 segments

class LargeModels : public testing::Test {
protected:
    void add_three_pairs(ExchangePlan plan, std::uint32_t min_peers = 3) {
        ToyOptions toy;
        toy.elements = large_elements;
        toy.parameters = ToyParameters::phantom;
        toy.syncs = 1;
        toy.min_peers = min_peers;
        toy.exchange = plan;
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(i, toy);
        }
    }
    /// Each round in one attempt, in which no segment was sent twice.
    void expect_rounds(std::uint64_t bytes_a_round) const {
        swarm.expect_one_final_model();
        const std::uint64_t rounds = swarm.trace.named("round_committed").size();
        EXPECT_EQ(rounds, 3U);
        EXPECT_EQ(swarm.network.body_bytes_delivered(), rounds * bytes_a_round);
        EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
        EXPECT_TRUE(swarm.trace.named("segment_refused").empty());
    }
    MemorySwarm swarm{5};
};

/// At 10 Gbit/s an exchange takes some seconds, and the hashes and the disk of each member minutes,
/// in which heartbeats go on and nobody is taken for lost.
TEST_F(LargeModels, AreMergedAndStoredInOneAttemptHoweverLongThatTakes) {
    swarm.network.faults.bytes_per_second = 1.25e9;
    swarm.network.work_bytes_per_second = 30e6;
    swarm.network.disk_bytes_per_second = 30e6;
    add_three_pairs(ExchangePlan::butterfly);
    ASSERT_TRUE(swarm.run(std::chrono::hours(2))) << swarm.trace.tail();
    expect_rounds(std::uint64_t{2} * (3 - 1) * large_bytes);
    EXPECT_GT(to_seconds(swarm.network.now() - SwarmTime{}), 3 * 140);
}

TEST_F(LargeModels, PassThroughTheCentreOfAStar) {
    add_three_pairs(ExchangePlan::star);
    ASSERT_TRUE(swarm.run(std::chrono::hours(2))) << swarm.trace.tail();
    expect_rounds(std::uint64_t{2} * (3 - 1) * large_bytes);
}

/// It has crashed, and the others go on; back again with a new disk, it fetches their model.
TEST_F(LargeModels, AreFetchedByAMemberThatMissedThem) {
    add_three_pairs(ExchangePlan::automatic, 2);
    ASSERT_TRUE(swarm.run_to_round(0, std::chrono::hours(1))) << swarm.trace.tail();
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(1, std::chrono::hours(1))) << swarm.trace.tail();
    swarm.sl_stores.at(3)->models.clear();
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run(std::chrono::hours(4))) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_FALSE(swarm.trace.named("caught_up", "sl3").empty());
}

}  // namespace
}  // namespace starling::test
