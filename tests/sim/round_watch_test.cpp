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
    watch.set_narrowest(1e6);
    EXPECT_FALSE(watch.over(at(7199), 0));
    const auto over = watch.over(at(7200), 3 * megabyte);
    ASSERT_TRUE(over);
    EXPECT_NE(over->find("no round completed for 7200 s"), std::string::npos) << *over;
    EXPECT_NE(over->find("3 MB were moved"), std::string::npos) << *over;
    EXPECT_NE(over->find("--round-limit"), std::string::npos) << *over;
}

TEST(RoundWatch, WaitsAsLongAsASlowLinkNeeds) {
    // 44.7 MB over 32 kbit/s take 3.3 hours; both directions of two members in turn take 13.
    RoundWatch watch(std::nullopt);
    watch.set_round(44'700'000, 2);
    watch.set_narrowest(32e3 / 8 * 0.94);
    EXPECT_GT(hours(watch.patience()), 10 * 13.0);
    EXPECT_FALSE(watch.over(at(100 * 3600.0), 400 * megabyte));
}

TEST(RoundWatch, EndsWhenTenTimesTheBytesOfARoundBroughtNone) {
    RoundWatch watch(std::nullopt);
    watch.set_round(44'700'000, 24);
    watch.set_narrowest(32e3 / 8 * 0.94);
    const std::uint64_t round = 24 * 2 * 44'700'000ULL;
    EXPECT_FALSE(watch.over(at(9000), 9 * round));
    EXPECT_FALSE(watch.over(at(7000), 12 * round)) << "not before two hours";
    const auto over = watch.over(at(9000), 12 * round);
    ASSERT_TRUE(over);
    EXPECT_NE(over->find("a round has 2170"), std::string::npos) << *over;
    watch.goes_on(at(9000), 12 * round);
    EXPECT_FALSE(watch.over(at(18000), 13 * round));
}

TEST(RoundWatch, StartsAnewWithEachRound) {
    RoundWatch watch(std::nullopt);
    watch.goes_on(at(7000), 0);
    EXPECT_FALSE(watch.over(at(14'000), 0));
    EXPECT_TRUE(watch.over(at(14'200), 0));
}

TEST(RoundWatch, AppliesTheUsersLimit) {
    RoundWatch watch(std::chrono::seconds(30));
    watch.set_round(megabyte, 2);
    watch.set_narrowest(1.0);
    EXPECT_FALSE(watch.over(at(29), 5000 * megabyte));
    const auto over = watch.over(at(30), 0);
    ASSERT_TRUE(over);
    EXPECT_NE(over->find("the limit is 30 s (--round-limit)"), std::string::npos) << *over;
}

}  // namespace
}  // namespace starling
