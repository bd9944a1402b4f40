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

TEST(Fault, ReadsValuesAndHowLongTheyLast) {
    const auto slow = parse_fault("t=2m bandwidth 10Mbps for 60s my uplink");
    ASSERT_TRUE(slow) << slow.error().message;
    EXPECT_EQ(slow->kind, Fault::Kind::bandwidth);
    EXPECT_EQ(slow->value, 1.25e6);
    EXPECT_EQ(slow->lasting, SwarmDuration(std::chrono::seconds(60)));
    EXPECT_EQ(slow->target, "my uplink");
    EXPECT_EQ(parse_fault("t=0s disk 2kBps host-1")->value, 2000.0);
    EXPECT_EQ(parse_fault("t=0s latency 200ms wan")->value, 0.2);
    EXPECT_EQ(parse_fault("t=0s loss 2.5% wan")->value, 0.025);
    EXPECT_EQ(parse_fault("t=0s cut for 3s wan")->lasting, SwarmDuration(std::chrono::seconds(3)));
    EXPECT_FALSE(parse_fault("t=0s cut wan")->lasting);
    EXPECT_EQ(parse_fault("t=0s cut for good")->target, "for good");
    EXPECT_EQ(parse_fault("t=0s kill for 3s x")->target, "for 3s x");
}

TEST(Fault, RefusesAnythingElseAndQuotesIt) {
    for (const char* text : {"",
                             "kill host-2",
                             "t=30s kill",
                             "t=30 kill a",
                             "t=-1s kill a",
                             "t=xs kill a",
                             "t=1.2.3s kill a",
                             "t=30s burn a",
                             "30s kill a",
                             "t=30s kill  ",
                             "t=1s bandwidth wan",
                             "t=1s bandwidth 0Mbps wan",
                             "t=1s bandwidth 10 wan",
                             "t=1s bandwidth 10Xbps wan",
                             "t=1s bandwidth 1Mbps",
                             "t=1s loss 60% wan",
                             "t=1s loss 2 wan",
                             "t=1s latency 2 wan",
                             "t=1s disk nan host",
                             "t=1s clock 1s host"}) {
        const auto fault = parse_fault(text);
        ASSERT_FALSE(fault) << text;
        EXPECT_EQ(fault.error().code, Errc::usage);
        EXPECT_NE(fault.error().message.find("\"" + std::string(text) + "\""), std::string::npos);
    }
}

}  // namespace
}  // namespace starling
