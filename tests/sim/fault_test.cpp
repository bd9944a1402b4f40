#include "sim/fault.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(Fault, ReadsTimesActionsAndTargets) {
    const auto kill = parse_fault("t=30s kill host-2");
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->kind, Fault::Kind::kill);
    EXPECT_EQ(kill->target, "host-2");
    EXPECT_EQ(to_ns(kill->at), 30'000'000'000);
    EXPECT_EQ(to_ns(parse_fault("t=1500ms cut wan")->at), 1'500'000'000);
    EXPECT_EQ(to_ns(parse_fault("t=0.5m heal wan")->at), 30'000'000'000);
    EXPECT_EQ(parse_fault("t=0s restart sl1")->kind, Fault::Kind::restart);
}

TEST(Fault, TakesTheRestOfTheTextAsTheName) {
    EXPECT_EQ(parse_fault("t=2s kill Node 1")->target, "Node 1");
    EXPECT_EQ(parse_fault(" t=2s  kill   Peter's  \"old\" laptop ")->target,
              "Peter's  \"old\" laptop");
}

TEST(Fault, RefusesAnythingElseAndQuotesIt) {
    for (const char* text :
         {"", "kill host-2", "t=30s kill", "t=30 kill a", "t=-1s kill a", "t=xs kill a",
          "t=1.2.3s kill a", "t=30s burn a", "30s kill a", "t=30s kill  "}) {
        const auto fault = parse_fault(text);
        ASSERT_FALSE(fault) << text;
        EXPECT_EQ(fault.error().code, Errc::usage);
        EXPECT_NE(fault.error().message.find("\"" + std::string(text) + "\""), std::string::npos);
    }
}

}  // namespace
}  // namespace starling
