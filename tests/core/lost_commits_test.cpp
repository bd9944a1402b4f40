// The checker of traces whose SNs were killed between the events of one step: a commit whose
// round_committed is lost is no violation, and one that never was is.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "core/check/swarm_checker.hpp"
#include "core/trace/trace_text.hpp"

namespace starling {
namespace {

const std::string sn_start = "1 sn1 sn_started entries=0 silent=0";
const std::string first_entry = "2 sn1 entry_applied index=1 term=1 head=1 kind=membership";
const std::string sn_restart = "30 sn1 sn_started entries=2 silent=2";
const std::string sn_end = "9000 sn1 node_stopped code=0";

std::string commit_entry(int ms, int index, std::string_view sn = "sn1") {
    return std::to_string(ms) + " " + std::string(sn) +
           " entry_applied term=1 kind=commit_round signer=sn1 session=0 sequence=0 answer=0 "
           "run=0 repeated=0 index=" +
           std::to_string(index) + " head=" + std::to_string(index);
}

std::string commit_event(int ms, int round, std::string_view digest) {
    return std::to_string(ms) + " sn1 round_committed contract=c run=0 attempt=0 members=2 round=" +
           std::to_string(round) + " digest=" + std::string(digest) + " final=0";
}

std::string round_done(int ms, std::string_view sl, int round, std::string_view digest) {
    return std::to_string(ms) + " " + std::string(sl) +
           " round_done round=" + std::to_string(round) + " digest=" + std::string(digest) +
           " final=0";
}

/// Lines `milliseconds node event key=value ...` of trace files.
class TraceFiles : public testing::Test {
protected:
    using Lines = std::vector<std::string>;

    void read(const Lines& lines) {
        std::vector<TraceText> events;
        for (const std::string& line : lines) {
            events.push_back(parse_trace_line(line).value());
        }
        std::stable_sort(events.begin(), events.end(), [](const TraceText& a, const TraceText& b) {
            return a.time_ns < b.time_ns;
        });
        checker_.emplace(SwarmCheckerOptions{std::chrono::milliseconds(5)});
        SwarmTime now{};
        for (const TraceText& text : events) {
            now = SwarmTime{std::chrono::milliseconds(text.time_ns)};
            checker_->report(now, {text.node}, text.event);
        }
        checker_->finish(now);
    }
    void expect_clean(const Lines& lines) {
        read(lines);
        for (const Violation& violation : checker_->violations().kept()) {
            ADD_FAILURE() << to_string(violation);
        }
    }
    void expect_violation(const Lines& lines, std::string_view node, std::string_view part) {
        read(lines);
        ASSERT_EQ(checker_->violations().count(), 1U);
        const Violation& violation = checker_->violations().kept().front();
        EXPECT_EQ(violation.invariant, "continues from a committed model");
        EXPECT_EQ(violation.node.name, node);
        EXPECT_NE(violation.text.find(part), std::string::npos) << violation.text;
    }

    std::optional<SwarmChecker> checker_;  ///< of the lines read last
};
class LostCommitTrace : public TraceFiles {};
/// A commit that was not lost, but never was.
class MissingCommit : public TraceFiles {};

TEST_F(LostCommitTrace, IsNoViolationWhereverTheTraceOfAKilledSnEnds) {
    const Lines sn{sn_start,
                   first_entry,
                   commit_entry(10, 2),
                   commit_event(10, 0, "aa"),
                   commit_entry(20, 3),
                   commit_event(20, 1, "bb"),
                   commit_entry(29, 4),
                   commit_event(29, 2, "cc")};
    for (std::size_t kept = 1; kept <= sn.size(); ++kept) {
        SCOPED_TRACE(kept);
        Lines lines(sn.begin(), sn.begin() + static_cast<std::ptrdiff_t>(kept));
        lines.push_back("30 sn1 sn_started entries=4 silent=4");
        lines.push_back(commit_entry(40, 5));
        lines.push_back(commit_event(40, 3, "dd"));
        lines.push_back(sn_end);
        for (const char* sl : {"sl1", "sl2"}) {
            lines.push_back(round_done(11, sl, 0, "aa"));
            lines.push_back(round_done(21, sl, 1, "bb"));
            lines.push_back(round_done(31, sl, 2, "cc"));
            lines.push_back(round_done(41, sl, 3, "dd"));
        }
        expect_clean(lines);
        EXPECT_EQ(checker_->not_seen().empty(), kept == sn.size());
    }
}

TEST_F(LostCommitTrace, IsNamed) {
    expect_clean({sn_start, first_entry, commit_entry(10, 2), sn_restart,
                  round_done(12, "sl1", 0, "aa"), round_done(12, "sl2", 0, "aa"), sn_end});
    ASSERT_EQ(checker_->not_seen().size(), 1U);
    EXPECT_EQ(checker_->not_seen()[0],
              "no trace contains the round_committed of entry 2: 'sn1' was killed before it had "
              "written this event. Round 0 is judged by the model aa, from which 'sl1' continued "
              "first");
}

TEST_F(LostCommitTrace, IsNoViolationAfterSeveralKills) {
    expect_clean({sn_start, first_entry, commit_entry(10, 2), sn_restart, commit_entry(40, 3),
                  "50 sn1 sn_started entries=3 silent=3", commit_entry(60, 4),
                  commit_event(60, 2, "cc"), round_done(12, "sl1", 0, "aa"),
                  round_done(41, "sl1", 1, "bb"), round_done(61, "sl1", 2, "cc"), sn_end});
    EXPECT_EQ(checker_->not_seen().size(), 2U);
}

TEST_F(LostCommitTrace, IsNoViolationIfTheDiskWasFull) {
    expect_clean({sn_start, first_entry, commit_entry(10, 2), "10 sn1 trace_gap",
                  "40 sn1 entry_applied index=3 term=1 head=3 kind=barrier",
                  round_done(12, "sl1", 0, "aa"), sn_end});
}

TEST_F(LostCommitTrace, MayBeTheFinalOne) {
    expect_clean({sn_start, first_entry, commit_entry(10, 2), sn_restart,
                  "5 ml1 sync_begin session=1 sync=0 batches=0",
                  "12 ml1 sync_end session=1 round=0 digest=aa final=1",
                  "13 ml1 node_stopped session=1 code=0", sn_end});
}

TEST_F(MissingCommit, IsFoundIfTheSnTracedOnBeforeItWasKilled) {
    expect_violation({sn_start, first_entry, commit_entry(10, 2), "11 sn1 peer_lost", sn_restart,
                      round_done(12, "sl1", 0, "aa"), sn_end},
                     "sl1", "no commit of that round");
}

TEST_F(MissingCommit, IsFoundIfTheSnHadEnded) {
    expect_violation({sn_start, first_entry, commit_entry(10, 2), "10 sn1 node_stopped code=0",
                      sn_restart, round_done(12, "sl1", 0, "aa"), sn_end},
                     "sl1", "no commit of that round");
}

TEST_F(MissingCommit, IsFoundIfAnotherSnTracedOn) {
    for (const int other :
         {3, 20}) {  // it applies the entry before or after the one that is killed
        SCOPED_TRACE(other);
        expect_violation(
            {sn_start, first_entry, commit_entry(10, 2), sn_restart, commit_entry(other, 2, "sn2"),
             std::to_string(other + 1) + " sn2 peer_lost", round_done(12, "sl1", 0, "aa"), sn_end},
            "sl1", "no commit of that round");
    }
}

TEST_F(MissingCommit, IsFoundIfTheEntryWasRefusedOrRepeated) {
    for (const char* result : {"answer=6 repeated=0", "answer=0 repeated=1"}) {
        SCOPED_TRACE(result);
        expect_violation({sn_start, first_entry,
                          std::string("10 sn1 entry_applied index=2 term=1 head=2 run=0 "
                                      "kind=commit_round ") +
                              result,
                          sn_restart, round_done(12, "sl1", 0, "aa"), sn_end},
                         "sl1", "no commit of that round");
    }
}

TEST_F(MissingCommit, IsFoundIfTheLostOneIsOfAnotherRound) {
    expect_violation({sn_start, first_entry, commit_entry(10, 2), sn_restart,
                      round_done(12, "sl1", 0, "aa"), round_done(14, "sl1", 1, "bb"), sn_end},
                     "sl1", "round 1");
}

TEST_F(MissingCommit, IsFoundIfTheLostOneIsOfAnotherModel) {
    expect_violation({sn_start, first_entry, commit_entry(10, 2), sn_restart,
                      round_done(12, "sl1", 0, "aa"), round_done(14, "sl2", 0, "bb"), sn_end},
                     "sl2", "the ledger has aa");
}

TEST_F(MissingCommit, IsFoundIfNobodyMergedThatModel) {
    expect_violation({sn_start, first_entry, commit_entry(10, 2), sn_restart,
                      "9 sl2 exchange_done contract=c run=0 round=0 attempt=3 digest=bb",
                      round_done(12, "sl1", 0, "aa"), round_done(14, "sl2", 0, "bb"), sn_end},
                     "sl1", "the ledger has bb");
}

TEST_F(MissingCommit, IsFoundIfTheRoundIsNotTheNext) {
    expect_violation(
        {sn_start, first_entry, commit_entry(10, 2), commit_event(10, 0, "aa"), commit_entry(20, 3),
         "30 sn1 sn_started entries=3 silent=3", round_done(22, "sl1", 2, "cc"), sn_end},
        "sl1", "round 2");
}

TEST_F(MissingCommit, IsFoundIfAMemberContinuedBeforeTheEntry) {
    expect_violation({sn_start, first_entry, commit_entry(20, 2), sn_restart,
                      round_done(12, "sl1", 0, "aa"), sn_end},
                     "sl1", "no commit of that round");
}

}  // namespace
}  // namespace starling
