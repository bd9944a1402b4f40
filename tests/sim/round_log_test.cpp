#include "sim/round_log.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(RoundLog, AnExchangeLastsFromTheLastCheckInToTheLastMember) {
    RoundLog log;
    const NodeId a{"a"};
    const NodeId b{"b"};
    log.record_check_in(a, from_ns(10));
    log.record_check_in(b, from_ns(30));
    log.record_result(a, 0, Digest{}, from_ns(50));
    log.record_result(b, 0, Digest{}, from_ns(60));
    const auto& round = log.rounds().at(0);
    EXPECT_EQ(to_ns(round.first_check_in), 10);
    EXPECT_EQ(round.exchange_time(), SwarmDuration{30});
    EXPECT_EQ(round.members, 2u);
    EXPECT_TRUE(round.same_digest);
    EXPECT_EQ(log.median_exchange_time(), SwarmDuration{30});
}

TEST(RoundLog, DetectsDifferentDigests) {
    RoundLog log;
    log.record_check_in({"a"}, from_ns(1));
    log.record_check_in({"b"}, from_ns(1));
    Digest other;
    other.bytes[0] = std::byte{1};
    log.record_result({"a"}, 0, Digest{}, from_ns(2));
    log.record_result({"b"}, 0, other, from_ns(2));
    EXPECT_FALSE(log.rounds().at(0).same_digest);
}

}  // namespace
}  // namespace starling
