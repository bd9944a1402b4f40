#include "sim/fault_log.hpp"

#include <gtest/gtest.h>

#include "tests/support/trace_recorder.hpp"

namespace starling {
namespace {

TEST(FaultLog, CountsALinkOnceAndNoRepetition) {
    test::TraceRecorder trace;
    FaultLog log(trace);
    EXPECT_FALSE(log.any());
    log.link_changed(from_ns(1), "wan_UP", false);
    log.link_changed(from_ns(1), "wan_DOWN", false);
    log.link_changed(from_ns(2), "wan_UP", true);
    log.host_changed(from_ns(3), "host-1", true);  // it was already on
    log.host_changed(from_ns(4), "host-1", false);
    EXPECT_EQ(log.links(), std::pair(std::uint64_t{1}, std::uint64_t{1}));
    EXPECT_EQ(log.hosts(), std::pair(std::uint64_t{1}, std::uint64_t{0}));
    EXPECT_TRUE(log.any());
    ASSERT_EQ(trace.lines.size(), 3u);
    EXPECT_EQ(field(trace.lines[0], "link"), "wan");
    EXPECT_EQ(trace.lines[2].event.name, "host_off");
}

TEST(FaultLog, MeasuresPausesFromTheFirstReportOfEachCommit) {
    test::TraceRecorder trace;
    FaultLog log(trace);
    const auto committed = [&](std::int64_t ns, const char* sn, Round round,
                               std::uint64_t attempt) {
        log.report(from_ns(ns), {sn},
                   TraceEvent("round_committed")
                       .with("contract", "c")
                       .with("round", round)
                       .with("attempt", attempt));
    };
    committed(10, "sn1", 0, 0);
    committed(20, "sn1", 1, 0);
    committed(95, "sn2", 2, 2);
    committed(99, "sn1", 2, 2);
    committed(105, "sn1", 3, 0);
    EXPECT_EQ(log.longest_pause().round, 2u);
    EXPECT_EQ(log.longest_pause().length, SwarmDuration{75});
    EXPECT_EQ(log.median_pause(), SwarmDuration{10});
    EXPECT_EQ(log.retried_rounds(), 1u);
    EXPECT_EQ(log.attempts_max(), 3u);
    EXPECT_EQ(trace.lines.size(), 5u);
}

}  // namespace
}  // namespace starling
