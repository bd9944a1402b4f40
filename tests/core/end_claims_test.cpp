// What an SN may say to end an SL, or to keep it out of all rounds, though it is not so.
#include "core/sl/end_claims.hpp"

#include "tests/support/sl_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class FalseEnd : public SlBench {
protected:
    enum class Kind { expelled, replaced, refused_connection, aborted, followed };

    /// \param from  an SN that is in use, except for a refused connection
    void claim(Kind kind, std::uint64_t from) {
        switch (kind) {
            case Kind::expelled:
                answer(from, 0, Errc::refused);
                return;
            case Kind::replaced:
                answer(from, 0, Errc::replaced, 0, own_session + 1);
                return;
            case Kind::refused_connection:
                sl.step(ConnectFailed{server(from).address, {Errc::replaced, "two"}, true});
                return;
            case Kind::aborted:
                view(from, {.version = 100, .phase = ContractPhase::aborted, .reason = "over"});
                return;
            case Kind::followed:
                answer(from, 0, Errc::aborted);
                return;
        }
    }
    static constexpr std::array in_use{Kind::expelled, Kind::replaced, Kind::aborted,
                                       Kind::followed};
    bool ended() const { return sl.stopped || sl.last<SessionFailed>({"ml1"}) != nullptr; }
    void start(std::uint64_t sns) {
        sl = NodeBench(make(sns));
        enrol();
    }
};

TEST_F(FalseEnd, ASingleSnIsBelievedWhereThereIsNoOther) {
    for (const Kind kind : in_use) {
        start(1);
        claim(kind, 1);
        EXPECT_TRUE(ended()) << static_cast<int>(kind);
    }
}

TEST_F(FalseEnd, ThatAnEarlierStartWasReplacedEndsNothing) {
    start(1);
    answer(1, 0, Errc::replaced, 0, own_session);
    EXPECT_FALSE(ended());
}

TEST_F(FalseEnd, AnotherSnIsAsked) {
    for (const Kind kind : in_use) {
        start(3);
        claim(kind, 1);
        EXPECT_FALSE(ended()) << static_cast<int>(kind);
        EXPECT_EQ(sl.dialled.back(), server(2).address);
        up(2);
        for (int second = 0; second < 100; ++second) {
            pass_a_heartbeat(2);
        }
        up(1);  // which says it again, later
        claim(kind, 1);
        EXPECT_FALSE(ended()) << static_cast<int>(kind);
    }
}

TEST_F(FalseEnd, TwoSnsAreBelieved) {
    for (const Kind kind : in_use) {
        start(3);
        claim(kind, 1);
        up(2);
        claim(kind, 2);
        EXPECT_TRUE(ended()) << static_cast<int>(kind);
    }
}

TEST_F(FalseEnd, TwoThatSayDifferentThingsAreNot) {
    start(3);
    claim(Kind::expelled, 1);
    up(2);
    claim(Kind::replaced, 2);
    EXPECT_FALSE(ended());
    EXPECT_EQ(sl.dialled.back(), server(3).address);
}

TEST_F(FalseEnd, TheOnlySnThatCanBeReachedIsBelievedAfterTheLimit) {
    for (const Kind kind : in_use) {
        start(3);
        for (int second = 0; second < 59; ++second) {
            claim(kind, 1);
            ASSERT_FALSE(ended()) << static_cast<int>(kind) << " after " << second;
            sl.step(ConnectFailed{sl.dialled.back(), {Errc::unreachable, "no route"}, false});
            sl.pass(seconds(1));
        }
        EXPECT_GT(std::ranges::count(sl.dialled, server(2).address), 5);
        EXPECT_GT(std::ranges::count(sl.dialled, server(3).address), 5);
        sl.pass(seconds(2));
        claim(kind, 1);
        EXPECT_TRUE(ended()) << static_cast<int>(kind);
    }
}

TEST_F(FalseEnd, OneSnThatRefusesTheConnectionOfAReplacedStartIsNotBelieved) {
    start(3);
    sl.step(PeerLost{server(1).node, "gone"});
    claim(Kind::refused_connection, 1);
    sl.pass(seconds(1));
    EXPECT_FALSE(ended());
    EXPECT_NE(sl.dialled.back(), server(1).address) << "another one is asked";
    claim(Kind::refused_connection, 2);
    EXPECT_TRUE(ended());
}

class LeaseOver : public FalseEnd {
protected:
    void claim(std::uint64_t from) {
        sl.sent.clear();
        answer(from, 0, Errc::stale);
    }
    bool rejoins(std::uint64_t sn) const {
        const auto* sent = sl.last<SubmitCommand>(server(sn).node);
        return sent != nullptr && sent->sequence > 2 &&
               std::holds_alternative<RegisterNode>(sent->command);
    }
};

TEST_F(LeaseOver, ASingleSnIsBelievedWhereThereIsNoOther) {
    start(1);
    claim(1);
    EXPECT_TRUE(rejoins(1));
}

/// A second SN may take its time, and the training may end without a lost member.
TEST_F(LeaseOver, AnSnIsBelievedAloneTheFirstTime) {
    start(3);
    claim(1);
    EXPECT_TRUE(rejoins(1));
    EXPECT_EQ(answer_all(1, Errc::ok), (Numbers{3, 4}));
    EXPECT_EQ(sl.dialled.back(), server(1).address);
    claim(1);
    EXPECT_FALSE(rejoins(1));
    EXPECT_EQ(sl.dialled.back(), server(2).address);
}

/// Each time that it rejoins, the round that it is in begins another attempt.
TEST_F(LeaseOver, AnSnThatLiesMakesTheNodeRejoinAFewTimesOnly) {
    start(2);
    std::vector<int> rejoined;
    for (int minute = 0; minute < 100; ++minute) {
        claim(1);
        if (rejoins(1)) {
            rejoined.push_back(minute);
            answer_all(1, Errc::ok);
        }
        up(2);
        answer_all(2, Errc::stale);  // these commands are in the ledger
        answer(2, 0, Errc::ok);      // the lease is valid
        EXPECT_FALSE(rejoins(2));
        sl.pass(std::chrono::minutes(1));
        up(1);
        answer_all(1, Errc::stale);
    }
    EXPECT_EQ(rejoined, (std::vector<int>{0, 15, 75}));
}

class LeaseOverAgain : public LeaseOver {
protected:
    /// SN 1 was believed once.
    void start_again() {
        start(3);
        claim(1);
        answer_all(1, Errc::ok);
        claim(1);
        EXPECT_FALSE(rejoins(1));
        EXPECT_EQ(sl.dialled.back(), server(2).address);
    }
};

TEST_F(LeaseOverAgain, AMemberWhoseHeartbeatsAnotherSnAcceptsDoesNotRejoin) {
    start_again();
    up(2);
    answer_all(2, Errc::stale);
    for (int second = 0; second < 50; ++second) {
        pass_a_heartbeat(2);
        EXPECT_FALSE(rejoins(2)) << second;
    }
    up(1);
    claim(1);
    EXPECT_FALSE(rejoins(1)) << "what SN 2 has answered denies the claim before";
}

/// A round may wait for this node, so it does not wait for as long as before an end.
TEST_F(LeaseOverAgain, TheOnlySnThatCanBeReachedIsBelievedAfterTenSeconds) {
    start_again();
    for (int second = 0; second < 10; ++second) {
        claim(1);
        ASSERT_FALSE(rejoins(1)) << second;
        sl.step(ConnectFailed{sl.dialled.back(), {Errc::unreachable, "no route"}, false});
        sl.pass(seconds(1));
    }
    claim(1);
    EXPECT_TRUE(rejoins(1));
}

class FalseOk : public SlBench {
protected:
    /// Lets the SL wait for its next heartbeat from SN 1, for as long as it dials no other one.
    int seconds_until_it_dials(std::uint64_t other) {
        for (int second = 0; second < 1000; ++second) {
            if (sl.dialled.back() == server(other).address) {
                return second;
            }
            pass_a_heartbeat(1);
        }
        return -1;
    }
};

TEST_F(FalseOk, IsNoticedByTheMissingViews) {
    enrol();
    sync();
    EXPECT_EQ(commands(1).back(), 3U);
    answer(1, 3, Errc::ok);
    const int waited = seconds_until_it_dials(2);
    EXPECT_GT(waited, 15);
    EXPECT_LT(waited, 30);
    up(2);
    EXPECT_EQ(answer_all(2, Errc::ok), (Numbers{1, 2, 3})) << "none of them may be in the ledger";
    up(3);
    EXPECT_EQ(commands(3), Numbers{}) << "two have said it";
}

TEST_F(FalseOk, IsNoticedByARoundWithoutThisNode) {
    enrol();
    sync();
    answer(1, 3, Errc::ok);
    EXPECT_EQ(sl.dialled.back(), server(1).address);
    ContractView without{
        .version = 9,
        .phase = ContractPhase::exchanging,
        .checked_in = 2,
        .min_peers = 2,
        .frozen = MemberList({{.id = {"sl2"}, .weight = 1}, {.id = {"sl3"}, .weight = 1}})};
    view(1, without);
    EXPECT_EQ(sl.dialled.back(), server(2).address);
    up(2);
    EXPECT_EQ(answer_all(2, Errc::ok), (Numbers{1, 2, 3}));
    without.version = 10;
    view(2, without);
    EXPECT_EQ(sl.dialled.back(), server(2).address) << "the round may have begun too early for it";
}

TEST_F(FalseOk, InWhichOfTwoRunsItIsIsAskedOfAThirdSn) {
    enrol(6);
    up(2);
    answer_all(2, Errc::ok, 5);
    up(3);
    EXPECT_FALSE(commands(3).empty());
}

TEST_F(FalseOk, AnEnrolmentThatTheOthersRefuseEndsTheSl) {
    enrol();
    up(2);
    answer(2, 1, Errc::ok);
    answer(2, 2, Errc::layout_mismatch);
    EXPECT_FALSE(sl.stopped) << "it is one against one";
    EXPECT_EQ(sl.dialled.back(), server(3).address);
    up(3);
    EXPECT_EQ(commands(3), Numbers{1});
    answer(3, 1, Errc::stale);
    answer(3, 2, Errc::layout_mismatch);
    sl.pass(seconds(3));
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code_of(Errc::layout_mismatch));
}

TEST_F(FalseOk, ARunThatOneSnMadeUpIsLeft) {
    enrol(999);
    sync();
    answer(1, 3, Errc::ok);
    up(2);
    answer(2, 1, Errc::ok);
    answer(2, 2, Errc::ok, 5);
    sl.sent.clear();
    answer(2, 3, Errc::stale);
    ASSERT_EQ(commands(2), Numbers{4});
    const auto* again = sl.last<SubmitCommand>(server(2).node);
    const auto* check_in = std::get_if<CheckInRound>(&again->command);
    ASSERT_NE(check_in, nullptr);
    EXPECT_EQ(check_in->run, 5U);
}

TEST_F(FalseOk, ASecondSnDoesNotChangeTheRunOfWhichTheFirstHasTold) {
    enrol(5);
    view(1, {.run = 5, .version = 3, .min_peers = 2});
    up(2);
    answer(2, 1, Errc::ok);
    answer(2, 2, Errc::ok, 999);
    sl.sent.clear();
    pass_a_heartbeat(2);
    const auto* beat = sl.last<Heartbeat>(server(2).node);
    ASSERT_NE(beat, nullptr);
    EXPECT_EQ(beat->run, 5U);
}

TEST_F(FalseOk, AThirdSnIsAskedIfTwoNameDifferentRuns) {
    enrol(5);
    sync();
    answer(1, 3, Errc::ok);
    up(2);
    answer(2, 1, Errc::ok);
    answer(2, 2, Errc::ok, 999);
    answer(2, 3, Errc::ok);
    answer(2, 4, Errc::ok);
    up(3);
    EXPECT_EQ(commands(3), Numbers{1});
    answer(3, 1, Errc::stale);
    answer(3, 2, Errc::ok, 5);
    answer(3, 3, Errc::ok);
    answer(3, 4, Errc::stale);
    const auto* check_in =
        std::get_if<CheckInRound>(&sl.last<SubmitCommand>(server(3).node)->command);
    ASSERT_NE(check_in, nullptr);
    EXPECT_EQ(check_in->run, 5U);
}

/// SN 1 sent the enrolment on, and has changed the run in the answer.
TEST_F(FalseOk, ARunOfWhichNobodyTellsIsAskedFor) {
    enrol(999);
    up(2);
    answer(2, 1, Errc::stale);
    answer(2, 2, Errc::stale);
    ASSERT_EQ(commands(2).back(), 3U);
    const auto* anew = std::get_if<Enrol>(&sl.last<SubmitCommand>(server(2).node)->command);
    ASSERT_NE(anew, nullptr);
    EXPECT_EQ(anew->back_to, 999U);
    answer(2, 3, Errc::stale);  // there is no such run
    up(3);
    answer(3, 3, Errc::stale);
    EXPECT_FALSE(sl.stopped);
    ASSERT_EQ(commands(3).back(), 4U);
    anew = std::get_if<Enrol>(&sl.last<SubmitCommand>(server(3).node)->command);
    ASSERT_NE(anew, nullptr);
    EXPECT_FALSE(anew->back_to);
}

}  // namespace
}  // namespace starling::test
