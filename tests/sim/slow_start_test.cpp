#include "sim/slow_start.hpp"

#include <gtest/gtest.h>

#include "tests/sim/sim_support.hpp"

namespace starling {
namespace {

constexpr SwarmDuration round_trip = std::chrono::milliseconds(20);
constexpr double rate = 0.94 * 100e6 / 8;  // 100 Mbit/s; 235,000 bytes a round trip

TEST(SlowStart, ASmallMessageOnAColdConnectionIsNotDelayed) {
    SlowStart start;
    const auto cost = start.charge(at(0), 14'480, round_trip, rate);
    EXPECT_EQ(cost.wait, SwarmDuration{0});
    EXPECT_EQ(cost.sent_bytes, 0u);
}

TEST(SlowStart, OneMegabyteWaitsFiveRoundTripsOverAWideAreaLink) {
    SlowStart start;
    const auto cost = start.charge(at(0), 1'000'000, round_trip, rate);
    EXPECT_EQ(cost.wait, 5 * round_trip);
    EXPECT_EQ(cost.sent_bytes, 14'480u * 31);
    // With the rest at line rate and one latency: 0.157 s, the table's value for 1 MB.
    const double total = 0.1 + static_cast<double>(1'000'000 - cost.sent_bytes) / rate + 0.010;
    EXPECT_NEAR(total, 0.157, 0.0005);
}

TEST(SlowStart, SixtyFourKibibytesMatchTheTable) {
    SlowStart start;
    const auto cost = start.charge(at(0), 65'536, round_trip, rate);
    EXPECT_EQ(cost.wait, 2 * round_trip);
    const double total = 0.04 + static_cast<double>(65'536 - cost.sent_bytes) / rate + 0.010;
    EXPECT_NEAR(total, 0.0519, 0.0003);
}

TEST(SlowStart, AWarmConnectionIsNotDelayedUntilItWasIdleForASecond) {
    SlowStart start;
    ASSERT_GT(start.charge(at(0), 10'000'000, round_trip, rate).wait, SwarmDuration{0});
    start.idle_from(at(1.0));
    EXPECT_EQ(start.charge(at(1.9), 1'000'000, round_trip, rate).wait, SwarmDuration{0});
    start.idle_from(at(2.0));
    EXPECT_EQ(start.charge(at(3.0), 1'000'000, round_trip, rate).wait, 5 * round_trip);
}

TEST(SlowStart, AShortPathIsAtFullRateAtOnce) {
    SlowStart start;
    EXPECT_EQ(start.charge(at(0), 1'000'000, std::chrono::microseconds(40), 1e8).wait,
              SwarmDuration{0});
}

}  // namespace
}  // namespace starling
