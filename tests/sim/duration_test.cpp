#include "sim/duration.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(Duration, IsANumberWithAUnit) {
    EXPECT_EQ(*parse_duration("200ms"), std::chrono::milliseconds(200));
    EXPECT_EQ(*parse_duration("1.5s"), std::chrono::milliseconds(1500));
    EXPECT_EQ(*parse_duration("0.5m"), std::chrono::seconds(30));
    EXPECT_EQ(*parse_duration("3h"), std::chrono::hours(3));
    EXPECT_EQ(*parse_duration("2d"), std::chrono::hours(48));
    EXPECT_EQ(*parse_duration("0s"), SwarmDuration{0});
}

TEST(Duration, EverythingElseIsRefused) {
    for (const char* text : {"", "5", "s", "-1s", "1 s", "1.2.3s", ".s", "1y", "1e3s", "nan s",
                             "99999999999d", "5s "}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

}  // namespace
}  // namespace starling
