// The checker of a swarm's trace: for each invariant a trace that keeps it and one that breaks it.
#include <gtest/gtest.h>

#include "core/check/swarm_checker.hpp"

namespace starling {
namespace {

class Check : public testing::Test {
protected:
    explicit Check(SwarmCheckerOptions options = {}) : checker_(options) {}

    /// One line of a trace: `node event key=value ...`, at the next millisecond.
    void say(std::string_view line) { say_at(++milliseconds_, line); }
    void say_at(std::int64_t milliseconds, std::string_view line) {
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
    /// One violation, of this invariant, at this node, with these parts in its text.
    void expect_one(std::string_view invariant, std::string_view node,
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
        say(std::string(sn) + " round_committed contract=c run=0 members=2 " + std::string(rest));
    }
    void apply(std::string_view rest) { say("sn1 entry_applied term=1 " + std::string(rest)); }

    SwarmChecker checker_;
    std::int64_t milliseconds_ = 0;
};

TEST(TraceEvent, CanBeAddedToLater) {
    TraceEvent event = TraceEvent("check_in").with("round", 3U);
    event = std::move(event).with("loss_millionths", 5U);
    EXPECT_EQ(trace_line(SwarmTime{}, {"sl1"}, event), "0 sl1 check_in round=3 loss_millionths=5");
}

TEST_F(Check, OneCommitARound) {
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    commit("sn2", "round=0 attempt=0 digest=aa final=0");
    commit("sn1", "round=1 attempt=2 digest=bb final=0");
    expect_clean();
    EXPECT_EQ(checker_.rounds(), 2U);
}

TEST_F(Check, FindsAnotherDigestOfARound) {
    commit("sn1", "round=3 attempt=0 digest=aa final=0");
    commit("sn2", "round=3 attempt=0 digest=bb final=0");
    expect_one("one commit a round", "sn2", {"round 3", "aa", "bb", "sn1"});
}

TEST_F(Check, FindsAnotherAttemptOfARound) {
    commit("sn1", "round=3 attempt=1 digest=aa final=0");
    commit("sn2", "round=3 attempt=0 digest=aa final=0");
    expect_one("one commit a round", "sn2", {"round 3", "attempt 0", "attempt 1"});
}

TEST_F(Check, FindsACommitOfWhatNobodyMerged) {
    say("sl1 exchange_done contract=c run=0 round=0 attempt=1 digest=aa");
    commit("sn1", "round=0 attempt=1 digest=bb final=0");
    expect_one("one commit a round", "sn1", {"round 0", "bb", "sl1", "aa"});
}

TEST_F(Check, FindsTwoMergesOfAnAttempt) {
    say("sl1 exchange_done contract=c run=0 round=4 attempt=0 digest=aa");
    say("sl2 exchange_done contract=c run=0 round=4 attempt=1 digest=bb");
    say("sl3 exchange_done contract=c run=0 round=4 attempt=1 digest=cc");
    expect_one("one merge an attempt", "sl3", {"round 4 attempt 1", "bb", "cc", "sl2"});
}

TEST_F(Check, OneLedgerOnSnsThatComeAndGo) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=2 head=bbbb kind=barrier");
    say("sn2 sn_started entries=0 silent=0");
    say("sn2 entry_applied index=1 term=1 head=aaaa kind=membership");
    say("sn1 sn_started entries=2 silent=2");
    apply("index=3 head=cccc kind=barrier");
    say("sn2 entry_applied index=2 term=1 head=bbbb kind=barrier");
    say("sn2 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_clean();
    EXPECT_EQ(checker_.entries(), 3U);
}

TEST_F(Check, FindsAnotherEntryAtAnIndex) {
    apply("index=7 head=aaaa kind=barrier");
    say("sn2 entry_applied index=7 term=2 head=bbbb kind=barrier");
    expect_one("one ledger", "sn2", {"entry 7", "aaaa", "bbbb", "sn1"});
}

TEST_F(Check, FindsAnotherAnswerToTheSameEntry) {
    apply("index=7 head=aaaa kind=enrol signer=sl1 session=1 sequence=1 answer=0");
    say("sn2 entry_applied index=7 term=1 head=aaaa kind=enrol signer=sl1 session=1 sequence=1 "
        "answer=6");
    expect_one("one ledger", "sn2", {"entry 7", "answer 6", "answer 0"});
}

TEST_F(Check, FindsAGapInWhatAnSnApplies) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=3 head=cccc kind=barrier");
    expect_one("entries in order", "sn1", {"entry 3", "entry 2"});
}

TEST_F(Check, OneLeaderATerm) {
    say("sn1 leader_elected term=1");
    say("sn2 leader_elected term=2");
    say("sn1 leader_elected term=3");
    expect_clean();
}

TEST_F(Check, FindsTwoLeadersOfATerm) {
    say("sn1 leader_elected term=5");
    say("sn3 leader_elected term=5");
    expect_one("one leader a term", "sn3", {"term 5", "sn1"});
}

TEST_F(Check, MembersGoOnFromCommittedModels) {
    say("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("sl1 round_done round=0 digest=aa");
    say("ml1 sync_end round=0 digest=aa final=0");
    say("ml1 sync_begin sync=1 batches=16");
    expect_clean();
}

TEST_F(Check, FindsAMemberWithAnotherModel) {
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("ml2 sync_end round=0 digest=bb final=0");
    expect_one("goes on from a committed model", "ml2", {"round 0", "aa", "bb"});
}

TEST_F(Check, FindsAModelOfARoundThatWasNotCommitted) {
    say("sl1 caught_up round=9 digest=bb");
    expect_one("goes on from a committed model", "sl1", {"round 9", "bb", "no commit"});
}

TEST_F(Check, FindsTrainingFromAModelOfItsOwn) {
    say("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("ml1 sync_end round=0 digest=aa final=0");
    say("ml1 sync_begin sync=1 batches=16");
    say("ml1 sync_begin sync=0 batches=16");  // started again, and trained at once
    expect_one("goes on from a committed model", "ml1", {"16 batches"});
}

TEST_F(Check, CommandsTakeEffectOnceAndAreAnsweredSo) {
    say("sl1 command_sent session=5 sequence=1 kind=register");
    apply("index=2 head=bb kind=register signer=sl1 session=5 sequence=1 answer=0 run=0");
    apply("index=3 head=cc kind=register signer=sl1 session=5 sequence=1 answer=0 repeated=1");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("sl1 command_sent session=5 sequence=2 kind=enrol");
    say("sl2 command_sent session=9 sequence=1 kind=register");
    apply("index=4 head=dd kind=register signer=sl2 session=9 sequence=1 answer=0 run=0");
    apply("index=5 head=ee kind=enrol signer=sl1 session=5 sequence=2 answer=6 run=0");
    say("sl1 command_answered session=5 sequence=2 code=6 run=0");
    expect_clean();
    EXPECT_EQ(checker_.operations(), 2U);
}

TEST_F(Check, FindsAnAnsweredCommandThatIsLost) {
    say("sl1 command_sent session=5 sequence=1 kind=register");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    expect_one("applied exactly once", "sl1", {"command 1", "session 5"});
}

TEST_F(Check, FindsACommandThatTakesEffectTwice) {
    say("sl1 command_sent session=5 sequence=1 kind=register");
    apply("index=2 head=bb kind=register signer=sl1 session=5 sequence=1 answer=0");
    apply("index=3 head=cc kind=register signer=sl1 session=5 sequence=1 answer=0");
    expect_one("applied exactly once", "sn1", {"entry 3", "entry 2", "sl1"});
}

TEST_F(Check, WhatAnEarlierStartSaidIsRefused) {
    apply("index=2 head=bb kind=register signer=sl1 session=8 sequence=1 answer=0");
    apply("index=3 head=cc kind=enrol signer=sl1 session=5 sequence=2 answer=6 repeated=1");
    expect_clean();
}

TEST_F(Check, FindsAnEarlierStartThatTakesEffect) {
    apply("index=2 head=bb kind=register signer=sl1 session=8 sequence=1 answer=0");
    apply("index=3 head=cc kind=enrol signer=sl1 session=5 sequence=2 answer=0");
    expect_one("applied exactly once", "sn1", {"session 5", "session 8", "entry 3"});
}

TEST_F(Check, FindsAnAnswerThatIsNotTheLedgers) {
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=6 run=0");
    say("sl1 command_answered session=5 sequence=1 code=0 run=1");
    expect_one("linearizable", "sl1", {"code 0, run 1", "code 6, run 0", "entry 2"});
}

TEST_F(Check, FindsAnEffectBeforeWhatWasAnsweredBefore) {
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("sl2 command_sent session=7 sequence=1 kind=enrol");
    apply("index=7 head=aa kind=enrol signer=sl2 session=7 sequence=1 answer=0");
    // It is out of order too, which is a finding of its own.
    checker_.finish(now());
    ASSERT_EQ(checker_.violations().count(), 2U);
    const Violation& violation = checker_.violations().kept().back();
    EXPECT_EQ(violation.invariant, "linearizable");
    EXPECT_NE(violation.text.find("entry 8"), std::string::npos) << violation.text;
}

TEST_F(Check, ReadsSeeAllThatWasAnsweredBefore) {
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    say("tool1 read_sent");  // the answer was not there yet: either is right
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("tool1 read_answered entries=7 head=aabb");
    say("tool1 read_sent");
    say("tool1 read_answered entries=8 head=bbcc");
    expect_clean();
    EXPECT_EQ(checker_.reads(), 2U);
}

TEST_F(Check, FindsAStaleRead) {
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=8 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("tool1 read_sent");
    say("tool1 read_answered entries=7 head=aabb");
    expect_one("linearizable", "tool1", {"entry 7", "entry 8"});
}

TEST_F(Check, FindsAReadOfAnotherLedger) {
    apply("index=8 head=bb kind=barrier");
    say("tool1 read_sent");
    say("tool1 read_answered entries=8 head=ccdd");
    expect_one("one ledger", "tool1", {"entry 8", "bb", "ccdd"});
}

TEST_F(Check, ATrainingEndsWithOneModelOnceAllIsWell) {
    say("ml1 sync_begin sync=0 batches=0");
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say_at(900, "sn1 round_frozen");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    say("sn1 contract_ended contract=c run=0 phase=complete");
    say("ml1 sync_end round=1 digest=bb final=1");
    say("ml1 node_stopped code=0");
    say_at(9000, "sn1 node_stopped code=0");
    expect_clean();
}

TEST_F(Check, FindsARoundThatHangs) {
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say_at(2000, "sn1 round_frozen");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    say("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one("every round ends", "swarm", {"1 s", "round 0"});
}

TEST_F(Check, FindsATrainingThatDoesNotEnd) {
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    expect_one("every round ends", "swarm", {"does not end"});
}

TEST_F(Check, FindsATrainingThatIsGivenUp) {
    say("campaign healed round_limit_ms=1000");
    say("sn1 contract_ended contract=c run=0 phase=aborted");
    expect_one("every round ends", "sn1", {"run 0", "aborted"});
}

TEST_F(Check, FindsAMemberThatDoesNotEnd) {
    say("ml1 sync_begin sync=0 batches=0");
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=1");
    say("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one("every round ends", "ml1", {"has not ended"});
}

TEST_F(Check, FindsAMemberThatEndsWithoutTheFinalModel) {
    say("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("ml1 sync_end round=0 digest=aa final=0");
    say("ml1 node_stopped code=0");
    expect_one("one final model", "ml1", {"without the final model"});
}

TEST_F(Check, FindsAFinalModelThatIsNotTheLedgers) {
    say("ml1 sync_begin sync=0 batches=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("ml1 sync_end round=0 digest=aa final=1");
    say("ml1 node_stopped code=0");
    expect_one("one final model", "ml1", {"aa", "the ledger none"});
}

/// Two starts of ml1 at a time, of a workspace that was copied.
class CheckCopies : public Check {
protected:
    CheckCopies() {
        say("ml1 sync_begin session=1 sync=0 batches=0");
        commit("sn1", "round=0 attempt=0 digest=aa final=0");
        say("ml1 sync_end session=1 round=0 digest=aa final=0");
        say("ml1 sync_begin session=2 sync=0 batches=0");
    }
    void end_with_the_newer_one() {
        commit("sn1", "round=1 attempt=0 digest=bb final=1");
        say("sn1 contract_ended contract=c run=0 phase=complete");
        say("ml1 sync_end session=2 round=1 digest=bb final=1");
        say("ml1 node_stopped session=2 code=0");
    }
};

TEST_F(CheckCopies, EachGoesOnFromItsOwnModelsUntilOneIsReplaced) {
    say("ml1 sync_begin session=1 sync=1 batches=16");
    say("ml1 node_stopped session=1 code=3");
    say("campaign healed round_limit_ms=1000");
    end_with_the_newer_one();
    expect_clean();
}

TEST_F(CheckCopies, FindsOneThatTrainsFromTheModelOfTheOther) {
    say("ml1 sync_begin session=2 sync=1 batches=16");
    expect_one("goes on from a committed model", "ml1", {"16 batches"});
}

TEST_F(CheckCopies, FindsAnOlderStartThatGoesOnWhenAllIsWell) {
    say("campaign healed round_limit_ms=1000");
    end_with_the_newer_one();
    say_at(2000, "ml1 sync_begin session=1 sync=1 batches=16");
    expect_one("only who belongs goes on", "ml1", {"session 1", "session 2"});
}

TEST_F(CheckCopies, FindsThatTheNewerOneDoesNotEnd) {
    say("ml1 node_stopped session=1 code=3");
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=1 attempt=0 digest=bb final=1");
    say("sn1 contract_ended contract=c run=0 phase=complete");
    expect_one("every round ends", "ml1", {"has not ended"});
}

TEST_F(CheckCopies, AStartThatEndedBeforeItTookPartHasNobodysPlace) {
    say("ml1 node_stopped session=3 code=5");
    say("campaign healed round_limit_ms=1000");
    end_with_the_newer_one();
    expect_clean();
}

TEST_F(CheckCopies, AStartThatFindsNoSlAfterTheEndIsNoFailure) {
    say("ml1 node_stopped session=1 code=3");
    say("campaign healed round_limit_ms=1000");
    end_with_the_newer_one();
    say("ml1 node_stopped session=0 code=5");
    expect_clean();
}

TEST_F(Check, FindsThatTheLastStartFailsBeforeItTakesPart) {
    say("ml1 sync_begin session=1 sync=0 batches=0");
    say("campaign healed round_limit_ms=1000");
    commit("sn1", "round=0 attempt=0 digest=aa final=1");
    say("sn1 contract_ended contract=c run=0 phase=complete");
    say("ml1 node_stopped session=2 code=3");
    expect_one("every round ends", "ml1", {"ended with code 3"});
}

TEST_F(Check, FindsALaterStartThatTrainsWithoutAnyModel) {
    say("ml1 sync_begin session=1 sync=0 batches=0");
    say("ml1 sync_begin session=2 sync=1 batches=16");
    expect_one("goes on from a committed model", "ml1", {"without the model"});
}

TEST_F(Check, TellsOfAProcessThatRunsThoughItMustNot) {
    say("sn2 observed process=sn2-copy wrong=runs");
    expect_one("only who belongs goes on", "sn2", {"'sn2-copy' runs"});
}

/// Files of several hosts: what one says may come before what it follows from.
class CheckHosts : public Check {
protected:
    CheckHosts() : Check({std::chrono::milliseconds(50)}) {}
};

TEST_F(CheckHosts, EventsOfDifferentClocksMayBeOutOfOrder) {
    say("ml1 sync_end round=0 digest=aa final=0");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("sl2 command_sent session=7 sequence=1 kind=enrol");
    apply("index=1 head=aa kind=enrol signer=sl2 session=7 sequence=1 answer=0 run=0");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0 run=0");
    say_at(9000, "sn1 entry_applied index=3 term=1 head=cc kind=barrier");
    expect_clean();
}

TEST_F(CheckHosts, ButNotByMoreThanTheyDiffer) {
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    apply("index=2 head=bb kind=enrol signer=sl1 session=5 sequence=1 answer=0 run=0");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    say("tool1 read_sent");  // within the error: it may have been before
    say("tool1 read_answered entries=1");
    say_at(1000, "tool2 read_sent");
    say("tool2 read_answered entries=1");
    expect_one("linearizable", "tool2", {"entry 1", "entry 2"});
}

TEST_F(CheckHosts, FindsWhatNoSnToldOfThoughItsTraceGoesOn) {
    say("ml1 sync_end round=4 digest=aa final=0");
    say_at(2000, "sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    expect_one("goes on from a committed model", "ml1", {"round 4", "no commit"});
}

TEST_F(CheckHosts, TheEndOfAKilledSnsTraceIsMissing) {
    say("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    say_at(2000, "ml1 sync_end round=4 digest=aa final=0");
    say("sl1 command_sent session=5 sequence=1 kind=enrol");
    say("sl1 command_answered session=5 sequence=1 code=0 run=0");
    expect_clean();
}

TEST_F(CheckHosts, TheEndOfARunningSnsTraceIsMissingAndThatIsSaid) {
    say("sn1 sn_started entries=0 silent=0");
    say("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    say("ml1 sync_begin sync=0 batches=0");
    say_at(2000, "ml1 sync_end round=4 digest=aa final=1");
    say("ml1 node_stopped code=0");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 2U);
    EXPECT_EQ(checker_.not_seen()[0],
              "the trace of 'sn1' ends at 0.002 s without its end (it runs, or was killed): what "
              "it applied after entry 1 is not seen");
    EXPECT_EQ(checker_.not_seen()[1],
              "2 statements of members are about what no SN's trace tells: they are not judged");
}

TEST_F(CheckHosts, AWholeTraceIsBelievedToItsEnd) {
    say("sn1 sn_started entries=0 silent=0");
    say("sn1 entry_applied index=1 term=1 head=aa kind=barrier");
    say_at(2000, "ml1 sync_begin sync=0 batches=0");
    say("ml1 sync_end round=4 digest=aa final=0");
    say_at(4000, "sn1 node_stopped code=0");
    expect_one("goes on from a committed model", "ml1", {"round 4", "no commit"});
    EXPECT_TRUE(checker_.not_seen().empty());
}

TEST_F(CheckHosts, AnSnThatWasKilledAndCameBackIsJudgedWhereItsTraceTellsAll) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    apply("index=2 head=bbbb kind=barrier");
    say("sn1 sn_started entries=2 silent=2");
    say("ml1 sync_end round=4 digest=aa final=0");
    say_at(9000, "sn1 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_one("goes on from a committed model", "ml1", {"round 4", "no commit"});
}

TEST_F(CheckHosts, EntriesThatNoTraceTellsOfAreNamedAndNothingIsGuessed) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    say("ml1 sync_end round=4 digest=aa final=0");
    say("sn1 sn_started entries=4 silent=4");
    say_at(9000, "sn1 entry_applied index=5 term=1 head=cccc kind=barrier");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("entry 2 to 4"), std::string::npos);
}

TEST_F(CheckHosts, WhatAnotherSnTellsOfIsSeen) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    say("sn1 sn_started entries=2 silent=2");  // killed before it wrote entry 2 down
    say("sn2 entry_applied index=2 term=1 head=bbbb kind=barrier");
    say("ml1 sync_end round=4 digest=aa final=0");
    say_at(9000, "sn1 entry_applied index=3 term=1 head=cccc kind=barrier");
    expect_one("goes on from a committed model", "ml1", {"round 4", "no commit"});
    EXPECT_TRUE(checker_.not_seen().empty());
}

TEST_F(CheckHosts, ATraceThatLostEventsIsNotTakenForAGapInTheLedger) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    say("sn1 trace_gap");  // its disk was full for a while
    apply("index=7 head=cccc kind=barrier");
    expect_clean();
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("entry 2 to 6"), std::string::npos);
}

TEST_F(CheckHosts, AnOnlySnThatBeginsAnewHasAnotherLedger) {
    say("sn1 sn_started entries=0 silent=0");
    apply("index=1 head=aaaa kind=membership");
    commit("sn1", "round=0 attempt=0 digest=aa final=0");
    say_at(9000, "sn1 sn_started entries=0 silent=0");
    apply("index=1 head=bbbb kind=membership");
    commit("sn1", "round=0 attempt=0 digest=bb final=0");
    expect_clean();
    EXPECT_EQ(checker_.rounds(), 2U);
    ASSERT_EQ(checker_.not_seen().size(), 1U);
    EXPECT_NE(checker_.not_seen()[0].find("'sn1' begins an empty ledger at 9.000 s"),
              std::string::npos);
}

TEST_F(Check, ATraceThatBeginsInTheMiddleIsNoViolation) {
    say("ml1 sync_begin sync=7 batches=16");
    expect_clean();
}

TEST_F(Check, KeepsTheFirstViolationsAndCountsAll) {
    for (int i = 0; i < 500; ++i) {
        say("sn" + std::to_string(i) + " leader_elected term=1");
    }
    EXPECT_EQ(checker_.violations().count(), 499U);
    EXPECT_EQ(checker_.violations().kept().size(), Violations::kept_max);
}

}  // namespace
}  // namespace starling
