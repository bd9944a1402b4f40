// Answers and views of SNs that may lie: what is sent to another SN again, and which SN is asked.
#include "tests/support/sn_link_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class SnAnswers : public SnLinkBench {};

TEST_F(SnAnswers, TakesNoAnswerToAnEarlierStart) {
    std::vector<Effect> effects;
    Outbox out(effects);
    up(at(seconds(0)), {"sn1"});
    link.submit(at(seconds(1)), ReadBarrier{}, out);
    CommandResult result{.sequence = 1, .code = Errc::ok, .session = own_session - 1};
    EXPECT_FALSE(link.take_answered(at(seconds(2)), result, out));
    result.session = own_session;
    EXPECT_TRUE(link.take_answered(at(seconds(2)), result, out));
    EXPECT_FALSE(link.take_answered(at(seconds(2)), result, out)) << "no command waits";
}

/// An SN that lies could else leave a gap in the numbers of this node's commands.
TEST_F(SnAnswers, ARefusedCheckInIsNotAnswered) {
    std::vector<Effect> effects;
    Outbox out(effects);
    up(at(seconds(0)), {"sn1"});
    link.submit(at(seconds(1)), CheckInRound{"c", 0, 1, {}}, out);
    EXPECT_FALSE(link.take_answered(at(seconds(2)), {1, Errc::refused, "no", 0}, out));
    EXPECT_TRUE(link.take_answered(at(seconds(3)), {1, Errc::stale, "over", 0}, out));
}

/// An SN that answers a command without sending it on leaves such a gap, too.
TEST_F(SnAnswers, RepeatsAnsweredCommandsWhenALaterOneIsRefused) {
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    for (std::uint64_t number = 1; number <= 20; ++number) {
        check_in(number);
        EXPECT_TRUE(answer(number, Errc::ok));
    }
    check_in(21);
    EXPECT_EQ(repeated(), Numbers{21});
    EXPECT_FALSE(answer(21, Errc::refused));
    for (std::uint64_t number = 5; number <= 20; ++number) {
        EXPECT_EQ(repeated(), Numbers{number}) << "the newest 16";
        const auto again = answer(number, Errc::stale);
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->again);
    }
    EXPECT_EQ(repeated(), Numbers{21}) << "once for each refusal";
    EXPECT_FALSE(answer(21, Errc::ok)->again);
}

TEST_F(SnAnswers, ASecondSnIsAskedForWhatOneHasAnswered) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    check_in(1);
    check_in(2);
    EXPECT_TRUE(answer(1, Errc::ok));
    EXPECT_EQ(repeated(), Numbers{2});
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(repeated(), Numbers{1});
    EXPECT_TRUE(answer(1, Errc::ok)->again);
    EXPECT_EQ(repeated(), Numbers{2});
    EXPECT_FALSE(answer(2, Errc::ok)->again) << "SN 1 has not answered that";
    up(at(seconds(3)), {"sn3"}, {"c", 1});
    for (std::uint64_t number = 1; number <= 2; ++number) {
        EXPECT_EQ(repeated(), Numbers{number});
        EXPECT_TRUE(answer(number, Errc::stale)->again);
    }
    up(at(seconds(4)), {"sn1"}, {"a", 1});
    EXPECT_EQ(repeated(), Numbers{}) << "two have answered";
}

TEST_F(SnAnswers, AnSnThatIsConnectedIsAskedWithoutANewConnection) {
    up(at(seconds(0)), {"sn2"}, {"b", 1});
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    check_in(1);
    EXPECT_TRUE(answer(1, Errc::ok));
    EXPECT_EQ(heartbeat(at(seconds(20)), 1), Hosts{});
    EXPECT_TRUE(link.is_sn({"sn1"}));
    EXPECT_EQ(heartbeat(at(seconds(21)), 1), Hosts{});
    EXPECT_TRUE(link.is_sn({"sn2"}));
    EXPECT_EQ(repeated(), Numbers{1});
    EXPECT_TRUE(answer(1, Errc::ok)->again);
    heartbeat(at(seconds(300)), 1);
    EXPECT_TRUE(link.is_sn({"sn2"})) << "two have answered";
}

/// The one in use may accept it and not send it on: the round would wait for this node.
TEST_F(SnAnswers, ACommandIsSentToAllSnsThatAreConnected) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn2"}, {"b", 1});
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    std::vector<Effect> effects;
    Outbox out(effects);
    link.submit(at(seconds(1)), CheckInRound{"c", 0, 1, {}}, out);
    EXPECT_EQ(commands_to({"sn1"}, effects), Numbers{1});
    EXPECT_EQ(commands_to({"sn2"}, effects), Numbers{1});
    EXPECT_EQ(effects.size(), 3U) << "two sent, and one reported";
    link.send_heartbeat(at(seconds(2)), {}, std::nullopt, out);
    EXPECT_EQ(commands_to({"sn2"}, effects), (Numbers{1, 1})) << "until it is answered";
}

TEST_F(SnAnswers, ASuspectedSnIsNotAskedForAWhile) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    EXPECT_EQ(merge_differs(at(seconds(1))), Hosts{"b"})
        << "it may have named other members than the others' SNs";
    up(at(seconds(1)), {"sn2"}, {"b", 1});
    link.on_later_view_elsewhere(at(seconds(2)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(13)), 1), Hosts{});
    EXPECT_EQ(heartbeat(at(seconds(44)), 1), Hosts{"c"}) << "sn1 is connected";
    link.on_later_view_elsewhere(at(seconds(310)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(311)), {}), Hosts{"a"}) << "not for ever";
}

TEST_F(SnAnswers, OfThreeSnsASuspectedOneIsNotDialledForAWhile) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    EXPECT_EQ(merge_differs(at(seconds(1))), Hosts{"b"});
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(left_out(at(seconds(2))), Hosts{"c"});
    up(at(seconds(3)), {"sn3"}, {"c", 1});
    EXPECT_EQ(left_out(at(seconds(30))), Hosts{"b"}) << "a comes next";
}

TEST_F(SnAnswers, ADifferentMergeIsNoFaultOfAnSnThatHasToldNothing) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    EXPECT_EQ(left_out(at(seconds(2))), Hosts{"b"});
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(merge_differs(at(seconds(3))), Hosts{});
}

TEST_F(SnAnswers, WhichOfTwoSnsLiesIsAskedOfAThirdOne) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 100);
    EXPECT_EQ(left_out(at(seconds(2))), Hosts{"b"});
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(left_out(at(seconds(30))), Hosts{"c"});
    up(at(seconds(30)), {"sn3"}, {"c", 1});
    const auto denies = [&](SwarmTime now) {
        return dialled([&](Outbox& out) { EXPECT_FALSE(link.contradicts_newest_view(now, out)); });
    };
    EXPECT_EQ(denies(at(seconds(31))), Hosts{});
    EXPECT_EQ(denies(at(seconds(42))), Hosts{"b"}) << "a comes next, and has told the later view";
    EXPECT_EQ(denies(at(seconds(43))), Hosts{}) << "once";
}

TEST_F(SnAnswers, OfThoseThatAreConnectedOneThatIsNotSuspectedIsAsked) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn2"}, {"b", 1});
    link.on_view(at(seconds(1)), 5);
    merge_differs(at(seconds(1)));
    up(at(seconds(2)), {"sn3"}, {"c", 1});
    up(at(seconds(2)), {"sn1"}, {"a", 1});
    heartbeat(at(seconds(3)), 1);
    EXPECT_EQ(heartbeat(at(seconds(35)), 1), Hosts{});
    EXPECT_TRUE(link.is_sn({"sn3"}));
}

TEST_F(SnAnswers, AThirdSnIsDialledIfAllThatAreConnectedAreSuspected) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    EXPECT_EQ(merge_differs(at(seconds(1))), Hosts{"b"});
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    link.on_view(at(seconds(3)), 6);
    EXPECT_EQ(merge_differs(at(seconds(3))), Hosts{"c"});
    heartbeat(at(seconds(4)), 1);
    EXPECT_EQ(heartbeat(at(seconds(36)), 1), Hosts{"c"});
}

TEST_F(SnAnswers, AnSnThatIsDeniedAgainIsSuspectedForTwiceAsLong) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    merge_differs(at(seconds(1)));
    up(at(seconds(400)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(400)), 6);
    merge_differs(at(seconds(400)));
    up(at(seconds(401)), {"sn2"}, {"b", 1});
    link.on_later_view_elsewhere(at(seconds(990)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(1001))), Hosts{});
    link.on_later_view_elsewhere(at(seconds(1002)), {"sn1"});
    EXPECT_NE(heartbeat(at(seconds(1013))), Hosts{});
}

TEST_F(SnAnswers, WhatARoundHasProvedIsNotAskedAgain) {
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    std::uint64_t number = 0;
    for (const Round round : {1U, 2U, 2U}) {  // it was repeated for the next attempt
        check_in(round);
        EXPECT_TRUE(answer(++number, Errc::ok));
    }
    link.on_taken_part(2);
    link.on_taken_part(2);
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(repeated(), Numbers{3}) << "the check-in for the attempt before may have sufficed";
}

TEST_F(SnAnswers, ARoundMayHaveProvedACheckInThatIsNotKeptAnyMore) {
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    for (std::uint64_t number = 1; number <= 17; ++number) {  // 16 are kept
        check_in(2);
        EXPECT_TRUE(answer(number, Errc::ok));
    }
    link.on_taken_part(2);
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(repeated(), Numbers{2}) << "the first one may have sufficed";
}

}  // namespace
}  // namespace starling::test
