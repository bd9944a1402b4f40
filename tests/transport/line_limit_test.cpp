#include "transport/tls/line_limit.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

SwarmTime at(int seconds) { return SwarmTime{std::chrono::seconds(seconds)}; }

TEST(LineLimit, TheFirstLinesOfAMinuteAreLoggedAndTheOthersCounted) {
    LineLimit limit(2);
    EXPECT_TRUE(limit.take(at(100)));
    EXPECT_TRUE(limit.take(at(101)));
    EXPECT_EQ(limit.due(), std::nullopt);
    EXPECT_FALSE(limit.take(at(102)));
    EXPECT_FALSE(limit.take(at(159)));
    EXPECT_EQ(limit.due(), at(160));
    EXPECT_FALSE(limit.take(at(170)));  // the count was not taken yet
    EXPECT_EQ(limit.take_omitted(at(171)), 3U);
    EXPECT_EQ(limit.due(), std::nullopt);
    EXPECT_TRUE(limit.take(at(172)));
}

TEST(LineLimit, OccasionalLinesAreAlwaysLogged) {
    LineLimit limit(1);
    for (int minute = 1; minute < 10; ++minute) {
        EXPECT_TRUE(limit.take(at(minute * 61)));
    }
}

}  // namespace
}  // namespace starling
