// Slow links in virtual time: a round takes as long as its bytes do, nobody is excluded, and
// nothing is sent twice.
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t elements = 330'000;  // 1.3 MB: 6 segments
constexpr double model_bytes = 4.0 * elements;

class SlowLinks : public testing::Test {
protected:
    void add_pairs(int count, std::uint32_t min_peers, std::uint32_t syncs = 4) {
        ToyOptions toy;
        toy.elements = elements;
        toy.min_peers = min_peers;
        toy.syncs = syncs;
        toy.batch_time = milliseconds(5);
        for (int i = 1; i <= count; ++i) {
            swarm.add_pair(i, toy);
        }
    }
    /// Runs until three members have begun one more exchange.
    bool run_until_three_exchange() {
        const std::size_t begun = swarm.trace.named("exchange_begin").size();
        return swarm.network.run(
            [&] { return swarm.trace.named("exchange_begin").size() >= begun + 3; },
            SwarmTime{minutes(5)});
    }
    void expect_nothing_sent_twice(int members) const {
        const double rounds = static_cast<double>(swarm.trace.named("round_committed").size());
        EXPECT_EQ(static_cast<double>(swarm.network.body_bytes_delivered()),
                  rounds * 2.0 * (members - 1) * model_bytes);
        EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
        EXPECT_TRUE(swarm.trace.named("member_gone").empty());
        EXPECT_TRUE(swarm.trace.named("segment_refused").empty());
    }
    MemorySwarm swarm{3};
};

class SlowLinksAtARate : public SlowLinks, public testing::WithParamInterface<double> {};

TEST_P(SlowLinksAtARate, NobodyIsExcludedAndNothingIsSentTwice) {
    swarm.network.faults.bytes_per_second = GetParam() / 8;
    add_pairs(3, 2);
    ASSERT_TRUE(swarm.run(std::chrono::hours(3))) << swarm.trace.tail();
    swarm.expect_one_final_model();
    expect_nothing_sent_twice(3);
}
INSTANTIATE_TEST_SUITE_P(BitsPerSecond, SlowLinksAtARate,
                         testing::Values(8e3, 32e3, 200e3, 400e3, 2e6, 100e6),
                         [](const auto& rate) {
                             return std::to_string(static_cast<int>(rate.param / 1000)) + "k";
                         });

TEST_F(SlowLinks, TheLogShowsTheProgressOfALongExchange) {
    swarm.network.faults.bytes_per_second = 25'000;
    add_pairs(2, 2);
    ASSERT_TRUE(swarm.run(std::chrono::hours(3)));
    EXPECT_TRUE(swarm.trace.logged(" of 1.32 MB received, 2", "sl1")) << swarm.trace.tail();
    EXPECT_TRUE(swarm.trace.logged(" s left; most of it is still expected from 'sl2'", "sl1"));
}

TEST_F(SlowLinks, ALinkThatBecomesFasterDuringARoundEndsItSooner) {
    swarm.network.faults.bytes_per_second = 56e3 / 8;
    add_pairs(2, 2, 1);
    ASSERT_TRUE(swarm.network.run([&] { return !swarm.trace.named("exchange_begin").empty(); },
                                  SwarmTime{minutes(5)}));
    swarm.run_for(seconds(60));
    const double left = model_bytes - 60 * 56e3 / 8;  // each direction carries one model
    swarm.network.faults.bytes_per_second = 1e6 / 8;
    const SwarmTime faster = swarm.network.now();
    ASSERT_TRUE(swarm.network.run([&] { return !swarm.trace.named("round_committed").empty(); },
                                  SwarmTime{minutes(20)}));
    // In this network, the frame in flight keeps the old rate: 37 s for a segment.
    EXPECT_LE(to_seconds(swarm.network.now() - faster), 1.2 * left / (1e6 / 8) + 37);
    expect_nothing_sent_twice(2);
}

/// Members that start another attempt of a round do not resend contributions that have arrived.
TEST_F(SlowLinks, ANewAttemptKeepsReceivedContributions) {
    add_pairs(3, 2, 2);
    ASSERT_TRUE(swarm.run_to_round(0));
    swarm.network.faults.bytes_per_second = 25'000;  // a third of a model takes 18 s
    ASSERT_TRUE(run_until_three_exchange());
    swarm.run_for(seconds(40));  // all contributions have arrived, merged segments are in flight
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(1));
    std::uint64_t received = 0;
    for (const auto& done : swarm.trace.named("exchange_done")) {
        if (field(done, "round") == "1" && field(done, "attempt") == "1") {
            received += std::stoull(field(done, "received_bytes"));
        }
    }
    // Otherwise it would be twice the model; the contributions to a member's own third need not be
    // resent.
    EXPECT_LE(static_cast<double>(received), model_bytes * 1.5) << swarm.trace.tail();
    swarm.network.faults.bytes_per_second = 0;
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
}

TEST_F(SlowLinks, FramesQueuedForAnEarlierAttemptAreNotSent) {
    add_pairs(3, 2, 2);
    ASSERT_TRUE(swarm.run_to_round(0));
    swarm.network.faults.bytes_per_second = 25'000;
    ASSERT_TRUE(run_until_three_exchange());
    swarm.run_for(seconds(5));
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(1));
    // The one in transmission arrives; those queued behind it are dropped.
    EXPECT_LE(swarm.trace.named("segment_refused").size(), 2U);
    swarm.network.faults.bytes_per_second = 0;
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
}

TEST_F(SlowLinks, AStragglerFetchesTheFinalModelOverASlowLink) {
    add_pairs(3, 2, 6);
    ASSERT_TRUE(swarm.run_to_round(2));
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.trace.logged("is complete"); },
                                  SwarmTime{minutes(10)}));
    // 165 s for the model: longer than any time limit
    swarm.network.faults.bytes_per_second = 8'000;
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run(minutes(30))) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("caught_up", "sl3").size(), 1U);
}

}  // namespace
}  // namespace starling::test
