// The checker of a swarm's trace: for each invariant, a trace that satisfies it and one that
// violates it.
#include <gtest/gtest.h>

#include "core/check/swarm_checker.hpp"

namespace starling {
namespace {

class Check : public testing::Test {
protected:
    explicit Check(SwarmCheckerOptions options = {}) : checker_(options) {}

    /// Adds a line to the trace: `node event key=value ...`, one millisecond after the one before.
    void trace(std::string_view line) { trace_at(++milliseconds_, line); }
    void trace_at(std::int64_t milliseconds, std::string_view line) {
        milliseconds_ = milliseconds;
        const auto word = [&line] {
            const std::string_view taken = line.substr(0, line.find(' '));
            line.remove_prefix(std::min(line.size(), taken.size() + 1));
            return taken;
        };
        const NodeId node{std::string(word())};
        TraceEvent event(word());
        while (!line.empty()) {
            const std::string_view pair = word();
            const std::size_t equals = pair.find('=');
            event =
                std::move(event).with(pair.substr(0, equals), std::string(pair.substr(equals + 1)));
        }
        checker_.report(now(), node, event);
    }
    SwarmTime now() const { return SwarmTime{std::chrono::milliseconds(milliseconds_)}; }

    void expect_clean() {
        checker_.finish(now());
        for (const Violation& violation : checker_.violations().kept()) {
            ADD_FAILURE() << to_string(violation);
        }
    }
    /// Expects exactly one violation: of this invariant, at this node, with these parts in its
    /// text.
    void expect_one_violation(std::string_view invariant, std::string_view node,
                              std::vector<std::string> parts) {
        checker_.finish(now());
        ASSERT_EQ(checker_.violations().count(), 1U);
        const Violation& violation = checker_.violations().kept().front();
        EXPECT_EQ(violation.invariant, invariant);
        EXPECT_EQ(violation.node.name, node);
        for (const std::string& part : parts) {
            EXPECT_NE(violation.text.find(part), std::string::npos)
                << "'" << part << "' in: " << violation.text;
        }
    }
    void commit(std::string_view sn, std::string_view rest) {
        trace(std::string(sn) + " round_committed contract=c run=0 members=2 " + std::string(rest));
    }
    void apply(std::string_view rest) { trace("sn1 entry_applied term=1 " + std::string(rest)); }

    SwarmChecker checker_;
    std::int64_t milliseconds_ = 0;
};

TEST(TraceEvent, FieldsCanBeAppended) {
    TraceEvent event = TraceEvent("check_in").with("round", 3U);
    event = std::move(event).with("loss_millionths", 5U);
    EXPECT_EQ(trace_line(SwarmTime{}, {"sl1"}, event), "0 sl1 check_in round=3 loss_millionths=5");
}

TEST_F(Check, AcceptsOneCommitPerRound) {
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    commit("sn2", "round=0 attempt=0 digest=aa final=0");
    commit("sn1", "round=1 attempt=2 digest=bb final=0");
    expect_clean();
    EXPECT_EQ(checker_.rounds(), 2U);
}

TEST_F(Check, FindsASecondDigestOfARound) {
    commit("sn1", "round=3 attempt=0 digest=aa final=0");
    commit("sn2", "round=3 attempt=0 digest=bb final=0");
    expect_one_violation("one commit per round", "sn2", {"round 3", "aa", "bb", "sn1"});
}

TEST_F(Check, FindsASecondAttemptOfARound) {
    commit("sn1", "round=3 attempt=1 digest=aa final=0");
    commit("sn2", "round=3 attempt=0 digest=aa final=0");
    expect_one_violation("one commit per round", "sn2", {"round 3", "attempt 0", "attempt 1"});
}

TEST_F(Check, FindsACommitOfAModelThatNobodyMerged) {
    trace("sl1 exchange_done contract=c run=0 round=0 attempt=1 digest=aa");
    commit("sn1", "round=0 attempt=1 digest=bb final=0");
    expect_one_violation("one commit per round", "sn1", {"round 0", "bb", "sl1", "aa"});
}

TEST_F(Check, FindsTwoMergesOfAnAttempt) {
    trace("sl1 exchange_done contract=c run=0 round=4 attempt=0 digest=aa");
    trace("sl2 exchange_done contract=c run=0 round=4 attempt=1 digest=bb");
    trace("sl3 exchange_done contract=c run=0 round=4 attempt=1 digest=cc");
    expect_one_violation("one merge per attempt", "sl3", {"round 4 attempt 1", "bb", "cc", "sl2"});
}

TEST_F(Check, AcceptsOneLedgerOnSnsThatRestart) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=2 head=bbbb kind=barrier");
    trace("sn2 sn_started entries=0 silent=0");
    trace("sn2 entry_applied index=1 term=1 head=aaaa kind=membership");
    trace("sn1 sn_started entries=2 silent=2");
    apply("index=3 head=cccc kind=barrier");
    trace("sn2 entry_applied index=2 term=1 head=bbbb kind=barrier");
    trace("sn2 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_clean();
    EXPECT_EQ(checker_.entries(), 3U);
}

TEST_F(Check, FindsDifferentEntriesAtOneIndex) {
    apply("index=7 head=aaaa kind=barrier");
    trace("sn2 entry_applied index=7 term=2 head=bbbb kind=barrier");
    expect_one_violation("one ledger", "sn2", {"entry 7", "aaaa", "bbbb", "sn1"});
}

TEST_F(Check, FindsDifferentResultsOfOneEntry) {
    apply("index=7 head=aaaa kind=enrol signer=sl1 session=1 sequence=1 answer=0");
    trace(
        "sn2 entry_applied index=7 term=1 head=aaaa kind=enrol signer=sl1 session=1 sequence=1 "
        "answer=6");
    expect_one_violation("one ledger", "sn2", {"entry 7", "answer 6", "answer 0"});
}

TEST_F(Check, FindsAGapInTheAppliedEntries) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=3 head=cccc kind=barrier");
    expect_one_violation("entries in order", "sn1", {"entry 3", "entry 2"});
}

TEST_F(Check, AcceptsOneLeaderPerTerm) {
    trace("sn1 leader_elected term=1");
    trace("sn2 leader_elected term=2");
    trace("sn1 leader_elected term=3");
    expect_clean();
}

TEST_F(Check, FindsTwoLeadersOfATerm) {
    trace("sn1 leader_elected term=5");
    trace("sn3 leader_elected term=5");
    expect_one_violation("one leader a term", "sn3", {"term 5", "sn1"});
}

TEST_F(Check, AcceptsMembersThatResumeFromCommittedModels) {
    trace("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("sl1 round_done round=0 digest=aa");
    trace("ml1 sync_end round=0 digest=aa final=0");
    trace("ml1 sync_begin sync=1 batches=16");
    expect_clean();
}

TEST_F(Check, AcceptsTrainingThatBeginsBeforeTheCommit) {
    trace("ml1 sync_end round=1 digest=aa final=0 committed=0");
    trace("ml1 sync_begin sync=2 batches=16");
    commit("sn1", "round=1 attempt=0 digest=aa final=0");
    trace("ml1 sync_committed round=1 digest=aa");
    trace("ml1 sync_end round=2 digest=bb final=0 committed=0");
    commit("sn1", "round=2 attempt=1 digest=cc final=0");
    trace("ml1 sync_end round=2 digest=cc final=0 committed=1");
    trace("ml1 sync_begin sync=3 batches=16");
    expect_clean();
}

TEST_F(Check, FindsThatTheNextRoundDoesNotWaitForTheCommit) {
    trace("ml1 sync_end round=1 digest=aa final=0 committed=0");
    trace("ml1 sync_end round=2 digest=bb final=0 committed=0");
    expect_one_violation("continues from a committed model", "ml1", {"another round", "aa"});
}

TEST_F(Check, FindsAModelThatIsTakenForCommittedAndWasNot) {
    commit("sn1", "round=1 attempt=0 digest=bb final=0");
    trace("ml1 sync_end round=1 digest=aa final=0 committed=0");
    trace("ml1 sync_committed round=1 digest=aa");
    expect_one_violation("continues from a committed model", "ml1", {"round 1", "aa", "bb"});
}

TEST_F(Check, FindsThatAnotherModelIsTakenForCommitted) {
    commit("sn1", "round=1 attempt=0 digest=bb final=0");
    trace("ml1 sync_end round=1 digest=aa final=0 committed=0");
    trace("ml1 sync_committed round=1 digest=bb");
    expect_one_violation("continues from a committed model", "ml1", {"trained from aa", "bb"});
}

TEST_F(Check, FindsAMemberWithAnotherModel) {
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("ml2 sync_end round=0 digest=bb final=0");
    expect_one_violation("continues from a committed model", "ml2", {"round 0", "aa", "bb"});
}

TEST_F(Check, FindsAModelOfAnUncommittedRound) {
    trace("sl1 caught_up round=9 digest=bb");
    expect_one_violation("continues from a committed model", "sl1", {"round 9", "bb", "no commit"});
}

TEST_F(Check, FindsTrainingFromAnUncommittedModel) {
    trace("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("ml1 sync_end round=0 digest=aa final=0");
    trace("ml1 sync_begin sync=1 batches=16");
    trace("ml1 sync_begin sync=0 batches=16");  // restarted, and trained without loading a model
    expect_one_violation("continues from a committed model", "ml1", {"16 batches"});
}

TEST_F(Check, AcceptsCommandsThatTakeEffectOnceWithTheLoggedResult) {
    trace("sl1 command_sent session=5 sequence=1 kind=register");
    apply("index=2 head=bb kind=register signer=sl1 session=5 sequence=1 answer=0 run=0");
    apply("index=3 head=cc kind=register signer=sl1 session=5 sequence=1 answer=0 repeated=1");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("sl1 command_sent session=5 sequence=2 kind=enrol");
    trace("sl2 command_sent session=9 sequence=1 kind=register");
    apply("index=4 head=dd kind=register signer=sl2 session=9 sequence=1 answer=0 run=0");
    apply("index=5 head=ee kind=enrol signer=sl1 session=5 sequence=2 answer=6 run=0");
    trace("sl1 command_answered session=5 sequence=2 code=6 run=0");
    expect_clean();
    EXPECT_EQ(checker_.operations(), 2U);
}

TEST_F(Check, FindsALostCommandThatWasAcknowledged) {
    trace("sl1 command_sent session=5 sequence=1 kind=register");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    expect_one_violation("applied exactly once", "sl1", {"command 1", "session 5"});
}

TEST_F(Check, FindsACommandThatTakesEffectTwice) {
    trace("sl1 command_sent session=5 sequence=1 kind=register");
    apply("index=2 head=bb kind=register signer=sl1 session=5 sequence=1 answer=0");
    apply("index=3 head=cc kind=register signer=sl1 session=5 sequence=1 answer=0");
    expect_one_violation("applied exactly once", "sn1", {"entry 3", "entry 2", "sl1"});
}

TEST_F(Check, AcceptsTheRefusalOfAnEarlierSessionsCommand) {
    apply("index=2 head=bb kind=register signer=sl1 session=8 sequence=1 answer=0");
    apply("index=3 head=cc kind=enrol signer=sl1 session=5 sequence=2 answer=6 repeated=1");
    expect_clean();
}

TEST_F(Check, FindsAnEarlierSessionsCommandThatTakesEffect) {
    apply("index=2 head=bb kind=register signer=sl1 session=8 sequence=1 answer=0");
    apply("index=3 head=cc kind=enrol signer=sl1 session=5 sequence=2 answer=0");
    expect_one_violation("applied exactly once", "sn1", {"session 5", "session 8", "entry 3"});
}

TEST_F(Check, FindsAResultThatDiffersFromTheLedgers) {
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=6 run=0");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=1");
    expect_one_violation("linearizable", "sl1", {"code 0, run 1", "code 6, run 0", "entry 2"});
}

TEST_F(Check, FindsACommandAppliedBeforeOneAnsweredEarlier) {
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("sl2 command_sent session=7 sequence=1 kind=enrol");
    apply("index=7 head=aa kind=enrol signer=sl2 session=7 sequence=1 answer=0");
    // The order is wrong too, which is a violation of its own.
    checker_.finish(now());
    ASSERT_EQ(checker_.violations().count(), 2U);
    const Violation& violation = checker_.violations().kept().back();
    EXPECT_EQ(violation.invariant, "linearizable");
    EXPECT_NE(violation.text.find("entry 8"), std::string::npos) << violation.text;
}

TEST_F(Check, AcceptsReadsThatSeeAllAnsweredCommands) {
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    trace("tool1 read_sent");  // sent before the answer: it may see the command or not
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("tool1 read_answered entries=7 head=aabb");
    trace("tool1 read_sent");
    trace("tool1 read_answered entries=8 head=bbcc");
    expect_clean();
    EXPECT_EQ(checker_.reads(), 2U);
}

TEST_F(Check, FindsAStaleRead) {
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("tool1 read_sent");
    trace("tool1 read_answered entries=7 head=aabb");
    expect_one_violation("linearizable", "tool1", {"entry 7", "entry 8"});
}

TEST_F(Check, FindsAReadOfAnotherLedger) {
    apply("index=8 head=bb kind=barrier");
    trace("tool1 read_sent");
    trace("tool1 read_answered entries=8 head=ccdd");
    expect_one_violation("one ledger", "tool1", {"entry 8", "bb", "ccdd"});
}

TEST_F(Check, AcceptsATrainingThatEndsWithOneModelOnceFaultsAreHealed) {
    trace("ml1 sync_begin sync=0 batches=0");
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace_at(900, "sn1 round_frozen");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    trace("sn1 contract_ended contract=c run=0 phase=complete");
    trace("ml1 sync_end round=1 digest=bb final=1");
    trace("ml1 node_stopped code=0");
    trace_at(9000, "sn1 node_stopped code=0");
    expect_clean();
}

TEST_F(Check, FindsARoundThatHangs) {
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace_at(2000, "sn1 round_frozen");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    trace("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one_violation("every round ends", "swarm", {"1 s", "round 0"});
}

TEST_F(Check, FindsATrainingThatDoesNotEnd) {
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    expect_one_violation("every round ends", "swarm", {"does not end"});
}

TEST_F(Check, FindsAnAbortedTraining) {
    trace("campaign healed round_limit_ms=1000");
    trace("sn1 contract_ended contract=c run=0 phase=aborted");
    expect_one_violation("every round ends", "sn1", {"run 0", "aborted"});
}

TEST_F(Check, FindsAMemberThatDoesNotEnd) {
    trace("ml1 sync_begin sync=0 batches=0");
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=1");
    trace("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one_violation("every round ends", "ml1", {"has not ended"});
}

TEST_F(Check, FindsAMemberThatEndsWithoutTheFinalModel) {
    trace("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("ml1 sync_end round=0 digest=aa final=0");
    trace("ml1 node_stopped code=0");
    expect_one_violation("one final model", "ml1", {"without the final model"});
}

TEST_F(Check, FindsAFinalModelThatDiffersFromTheLedgers) {
    trace("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("ml1 sync_end round=0 digest=aa final=1");
    trace("ml1 node_stopped code=0");
    expect_one_violation("one final model", "ml1", {"aa", "the ledger none"});
}

/// Two processes of ml1 at the same time, the second from a copied workspace.
class CheckCopies : public Check {
protected:
    CheckCopies() {
        trace("ml1 sync_begin session=1 sync=0 batches=0");
        commit("sn1", "round=0 attempt=0 digest=aa final=0");
        trace("ml1 sync_end session=1 round=0 digest=aa final=0");
        trace("ml1 sync_begin session=2 sync=0 batches=0");
    }
    void finish_newer_session() {
        commit("sn1", "round=1 attempt=0 digest=bb final=1");
        trace("sn1 contract_ended contract=c run=0 phase=complete");
        trace("ml1 sync_end session=2 round=1 digest=bb final=1");
        trace("ml1 node_stopped session=2 code=0");
    }
};

TEST_F(CheckCopies, EachResumesFromItsOwnModelsUntilOneIsReplaced) {
    trace("ml1 sync_begin session=1 sync=1 batches=16");
    trace("ml1 node_stopped session=1 code=3");
    trace("campaign healed round_limit_ms=1000");
    finish_newer_session();
    expect_clean();
}

TEST_F(CheckCopies, FindsAProcessThatTrainsFromTheModelOfTheOther) {
    trace("ml1 sync_begin session=2 sync=1 batches=16");
    expect_one_violation("continues from a committed model", "ml1", {"16 batches"});
}

TEST_F(CheckCopies, FindsAReplacedProcessThatContinuesAfterFaultsAreHealed) {
    trace("campaign healed round_limit_ms=1000");
    finish_newer_session();
    trace_at(2000, "ml1 sync_begin session=1 sync=1 batches=16");
    expect_one_violation("only the latest session continues", "ml1", {"session 1", "session 2"});
}

TEST_F(CheckCopies, FindsThatTheNewerProcessDoesNotEnd) {
    trace("ml1 node_stopped session=1 code=3");
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    trace("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one_violation("every round ends", "ml1", {"has not ended"});
}

TEST_F(CheckCopies, AProcessThatEndedBeforeItsSessionReplacesNobody) {
    trace("ml1 node_stopped session=3 code=5");
    trace("campaign healed round_limit_ms=1000");
    finish_newer_session();
    expect_clean();
}

TEST_F(CheckCopies, AProcessThatFindsNoSlAfterTheEndIsNoViolation) {
    trace("ml1 node_stopped session=1 code=3");
    trace("campaign healed round_limit_ms=1000");
    finish_newer_session();
    trace("ml1 node_stopped session=0 code=5");
    expect_clean();
}

TEST_F(Check, FindsThatTheLastProcessFailsBeforeItsSession) {
    trace("ml1 sync_begin session=1 sync=0 batches=0");
    trace("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=1");
    trace("sn1 contract_ended contract=c run=0 phase=complete");
    trace("ml1 node_stopped session=2 code=3");
    expect_one_violation("every round ends", "ml1", {"ended with code 3"});
}

TEST_F(Check, FindsALaterSessionThatTrainsWithoutAModel) {
    trace("ml1 sync_begin session=1 sync=0 batches=0");
    trace("ml1 sync_begin session=2 sync=1 batches=16");
    expect_one_violation("continues from a committed model", "ml1", {"without the model"});
}

TEST_F(Check, ReportsAProcessThatRunsButMustNot) {
    trace("sn2 observed process=sn2-copy wrong=runs");
    expect_one_violation("only the latest session continues", "sn2", {"'sn2-copy' runs"});
}

/// Trace files of several hosts, whose clocks differ: an effect may be dated before its cause.
class CheckHosts : public Check {
protected:
    CheckHosts() : Check({std::chrono::milliseconds(50)}) {}
};

TEST_F(CheckHosts, EventsWithinTheClockErrorMayBeOutOfOrder) {
    trace("ml1 sync_end round=0 digest=aa final=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("sl2 command_sent session=7 sequence=1 kind=enrol");
    apply("index=1 head=aa kind=enrol signer=sl2 session=7 sequence=1 answer=0 run=0");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0 run=0");
    trace_at(9000, "sn1 entry_applied index=3 term=1 head=cc kind=barrier");
    expect_clean();
}

TEST_F(CheckHosts, EventsBeyondTheClockErrorMayNotBeOutOfOrder) {
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0 run=0");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    trace("tool1 read_sent");  // within the clock error: it may have come first
    trace("tool1 read_answered entries=1");
    trace_at(1000, "tool2 read_sent");
    trace("tool2 read_answered entries=1");
    expect_one_violation("linearizable", "tool2", {"entry 1", "entry 2"});
}

TEST_F(CheckHosts, FindsACommitThatIsMissingFromAContinuingTrace) {
    trace("ml1 sync_end round=4 digest=aa final=0");
    trace_at(2000, "sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    expect_one_violation("continues from a committed model", "ml1", {"round 4", "no commit"});
}

TEST_F(CheckHosts, EventsAfterTheEndOfAKilledSnsTraceAreNotJudged) {
    trace("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    trace_at(2000, "ml1 sync_end round=4 digest=aa final=0");
    trace("sl1 command_sent session=5 sequence=1 kind=enrol");
    trace("sl1 command_answered session=5 sequence=1 code=0 run=0");
    expect_clean();
}

TEST_F(CheckHosts, EventsAfterTheEndOfARunningSnsTraceAreReportedAsUnjudged) {
    trace("sn1 sn_started entries=0 silent=0");
    trace("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    trace("ml1 sync_begin sync=0 batches=0");
    trace_at(2000, "ml1 sync_end round=4 digest=aa final=1");
    trace("ml1 node_stopped code=0");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 2U);
    EXPECT_EQ(
        checker_.not_seen()[0],
        "the trace of 'sn1' ends at 0.002 s without its end (it is running, or was killed): what "
        "it applied after entry 1 is not seen");
    EXPECT_EQ(
        checker_.not_seen()[1],
        "2 events of members are about entries that no SN's trace contains: they are not judged");
}

TEST_F(CheckHosts, ACompleteTraceIsJudgedToItsEnd) {
    trace("sn1 sn_started entries=0 silent=0");
    trace("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    trace_at(2000, "ml1 sync_begin sync=0 batches=0");
    trace("ml1 sync_end round=4 digest=aa final=0");
    trace_at(4000, "sn1 node_stopped code=0");
    expect_one_violation("continues from a committed model", "ml1", {"round 4", "no commit"});
    EXPECT_TRUE(checker_.not_seen().empty());
}

TEST_F(CheckHosts, ARestartedSnWithACompleteTraceIsJudged) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=2 head=bbbb kind=barrier");
    trace("sn1 sn_started entries=2 silent=2");
    trace("ml1 sync_end round=4 digest=aa final=0");
    trace_at(9000, "sn1 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_one_violation("continues from a committed model", "ml1", {"round 4", "no commit"});
}

TEST_F(CheckHosts, EntriesMissingFromAllTracesAreReportedAsUnjudged) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    trace("ml1 sync_end round=4 digest=aa final=0");
    trace("sn1 sn_started entries=4 silent=4");
    trace_at(9000, "sn1 entry_applied index=5 term=1 head=cccc kind=barrier");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("entry 2 to 4"), std::string::npos);
}

TEST_F(CheckHosts, EntriesInAnotherSnsTraceAreSeen) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    trace("sn1 sn_started entries=2 silent=2");  // killed before it wrote entry 2 to its trace
    trace("sn2 entry_applied index=2 term=1 head=bbbb kind=barrier");
    trace("ml1 sync_end round=4 digest=aa final=0");
    trace_at(9000, "sn1 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_one_violation("continues from a committed model", "ml1", {"round 4", "no commit"});
    EXPECT_TRUE(checker_.not_seen().empty());
}

TEST_F(CheckHosts, ATraceGapIsNoGapInTheLedger) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    trace("sn1 trace_gap");  // its disk was full for some time
    apply("index=7 head=cccc kind=barrier");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("entry 2 to 6"), std::string::npos);
}

TEST_F(CheckHosts, AnOnlySnThatStartsEmptyBeginsAnotherLedger) {
    trace("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    trace_at(9000, "sn1 sn_started entries=0 silent=0");
    apply("index=1 head=bbbb kind=membership");
    commit("sn1", "round=0 attempt=0 digest=bb final=0");
    expect_clean();
    EXPECT_EQ(checker_.rounds(), 2U);
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("'sn1' starts with an empty ledger at 9.000 s"),
              std::string::npos);
}

TEST_F(Check, ATraceThatStartsMidRunIsNoViolation) {
    trace("ml1 sync_begin sync=7 batches=16");
    expect_clean();
}

TEST_F(Check, KeepsTheFirstViolationsAndCountsAll) {
    for (int i = 0; i < 500; ++i) {
        trace("sn" + std::to_string(i) + " leader_elected term=1");
    }
    EXPECT_EQ(checker_.violations().count(), 499U);
    EXPECT_EQ(checker_.violations().kept().size(), Violations::kept_max);
}

}  // namespace
}  // namespace starling
