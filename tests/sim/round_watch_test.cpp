#include "sim/round_watch.hpp"

#include <gtest/gtest.h>

#include "tests/sim/sim_support.hpp"

namespace starling {
namespace {

constexpr std::uint64_t megabyte = 1'000'000;

double hours(SwarmDuration duration) { return to_seconds(duration) / 3600.0; }

TEST(RoundWatch, WaitsTwoHoursForASmallRound) {
    RoundWatch watch(std::nullopt);
    watch.set_round(megabyte, 2);
    watch.set_bottleneck(1e6);
    EXPECT_FALSE(watch.reason_to_end(at(7199), 0));
    const auto reason = watch.reason_to_end(at(7200), 3 * megabyte);
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("no round completed for 7200 s"), std::string::npos) << *reason;
    EXPECT_NE(reason->find("3 MB were moved"), std::string::npos) << *reason;
    EXPECT_NE(reason->find("--round-limit"), std::string::npos) << *reason;
}

TEST(RoundWatch, WaitsAsLongAsASlowLinkNeeds) {
    // 44.7 MB over 32 kbit/s take 3.3 hours; both directions of two members in turn take 13.
    RoundWatch watch(std::nullopt);
    watch.set_round(44'700'000, 2);
    watch.set_bottleneck(32e3 / 8 * 0.94);
    EXPECT_GT(hours(watch.time_limit()), 10 * 13.0);
    EXPECT_FALSE(watch.reason_to_end(at(100 * 3600.0), 400 * megabyte));
}

TEST(RoundWatch, EndsWhenTenTimesTheBytesOfARoundBroughtNone) {
    RoundWatch watch(std::nullopt);
    watch.set_round(44'700'000, 24);
    watch.set_bottleneck(32e3 / 8 * 0.94);
    const std::uint64_t round = 24 * 2 * 44'700'000ULL;
    EXPECT_FALSE(watch.reason_to_end(at(9000), 9 * round));
    EXPECT_FALSE(watch.reason_to_end(at(7000), 12 * round)) << "not before two hours";
    const auto reason = watch.reason_to_end(at(9000), 12 * round);
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("a round has 2170"), std::string::npos) << *reason;
    watch.reset(at(9000), 12 * round);
    EXPECT_FALSE(watch.reason_to_end(at(18000), 13 * round));
}

TEST(RoundWatch, StartsAnewWithEachRound) {
    RoundWatch watch(std::nullopt);
    watch.reset(at(7000), 0);
    EXPECT_FALSE(watch.reason_to_end(at(14'000), 0));
    EXPECT_TRUE(watch.reason_to_end(at(14'200), 0));
}

TEST(RoundWatch, AppliesTheUsersLimit) {
    RoundWatch watch(std::chrono::seconds(30));
    watch.set_round(megabyte, 2);
    watch.set_bottleneck(1.0);
    EXPECT_FALSE(watch.reason_to_end(at(29), 5000 * megabyte));
    const auto reason = watch.reason_to_end(at(30), 0);
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("the limit is 30 s (--round-limit)"), std::string::npos) << *reason;
}

}  // namespace
}  // namespace starling
