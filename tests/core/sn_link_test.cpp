// The SL's connection to its SNs: when heartbeats are sent, and when the next SN is dialled.
#include "tests/support/sn_link_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class SnLinkTest : public SnLinkBench {};

TEST_F(SnLinkTest, HeartbeatsAreAsRareAsTheSnInUseSays) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(link.interval_factor(), 1);
    EXPECT_EQ(factor_after(heartbeat_answer(7)), 7);
    EXPECT_EQ(factor_after({0, Errc::unreachable, "", 0}), 7) << "this tells nothing";
    EXPECT_EQ(factor_after(heartbeat_answer(0)), 1) << "an SN that does not tell";
    factor_after(heartbeat_answer(7));
    up(at(seconds(2)), {"sn2"});
    EXPECT_EQ(link.interval_factor(), 1) << "the next SN has said nothing yet";
}

TEST_F(SnLinkTest, AnSnCannotMakeHeartbeatsSoRareThatTheNextOneIsDialledLate) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(factor_after(heartbeat_answer(-1)), 10);
    link = SnLink(with({{"a", 1}}));
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(factor_after(heartbeat_answer(-1)), 240) << "there is no other SN to dial";
}

TEST_F(SnLinkTest, ACommandThatIsNotAnsweredIsRepeatedSoon) {
    up(at(seconds(0)), {"sn1"});
    factor_after(heartbeat_answer(7));
    dialled([&](Outbox& out) { link.submit(at(seconds(1)), ReadBarrier{}, out); });
    EXPECT_EQ(link.interval_factor(), 1);
    dialled([&](Outbox& out) { link.take_answered(at(seconds(2)), {1, Errc::ok, "", 0}, out); });
    EXPECT_EQ(link.interval_factor(), 7);
}

TEST_F(SnLinkTest, ACommandToTheOnlySnIsRepeatedWithinThirtySeconds) {
    link = SnLink(with({{"a", 1}}));
    up(at(seconds(0)), {"sn1"});
    dialled([&](Outbox& out) { link.submit(at(seconds(1)), ReadBarrier{}, out); });
    EXPECT_EQ(factor_after(heartbeat_answer(7)), 7);
    EXPECT_EQ(factor_after(heartbeat_answer(240)), 30);
}

TEST_F(SnLinkTest, DialsTheNextSnIfACommandIsNotAnswered) {
    up(at(seconds(0)), {"sn1"});
    dialled([&](Outbox& out) { link.submit(at(seconds(1)), ReadBarrier{}, out); });
    EXPECT_EQ(heartbeat(at(seconds(3))), Hosts{});
    EXPECT_EQ(heartbeat(at(seconds(4))), Hosts{"b"});
    EXPECT_EQ(heartbeat(at(seconds(5))), Hosts{});  // the next SN has the same time limit
}

TEST_F(SnLinkTest, WarnsOfAnSnThatDoesNotAnswerHoweverRareHeartbeatsAre) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_FALSE(warns(at(seconds(20))));
    dialled([&](Outbox& out) { link.on_heartbeat_answered(at(seconds(20)), {}, out); });
    EXPECT_FALSE(warns(at(seconds(40))));
    EXPECT_TRUE(warns(at(seconds(60))));
    EXPECT_FALSE(warns(at(seconds(80)))) << "once";
}

TEST_F(SnLinkTest, ComparesTwoSnsWhileARoundIsAwaited) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(30))), Hosts{});
    EXPECT_EQ(heartbeat(at(seconds(30)), 7), Hosts{"b"});
    up(at(seconds(31)), {"sn2"});
    EXPECT_EQ(heartbeat(at(seconds(60)), 7), Hosts{});  // both are connected
    EXPECT_TRUE(link.is_sn({"sn2"}));
    EXPECT_EQ(heartbeat(at(seconds(61)), 7), Hosts{});
    EXPECT_TRUE(link.is_sn({"sn1"})) << "it takes long";
}

TEST_F(SnLinkTest, AnotherSnThanTheOneInUseIsDialledForItsViews) {
    std::vector<Effect> effects;
    Outbox out(effects);
    // The second SN is in use, and a failed try would make its address the next one again.
    link.on_connect_failed(at(seconds(0)), {{"a", 1}, {Errc::unreachable, "refused"}, false}, out);
    up(at(seconds(1)), {"sn2"}, {"b", 1});
    link.on_connect_failed(at(seconds(2)), {{"b", 1}, {Errc::unreachable, "refused"}, false}, out);
    EXPECT_EQ(heartbeat(at(seconds(30)), 7), Hosts{"a"});
}

/// Its commands had the same numbers, and the SN may not know yet that this start has connected.
TEST_F(SnLinkTest, GivesUpWhenAllSnsRefuse) {
    std::vector<Effect> effects;
    Outbox out(effects);
    const auto refused = [&](const char* host) {
        return link.on_connect_failed(at(seconds(1)), {{host, 1}, {Errc::refused, "no"}, true},
                                      out);
    };
    EXPECT_FALSE(refused("a"));
    const auto end = refused("b");
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, NodeEnd::How::stop);
    EXPECT_EQ(end->exit_code, exit_code::refused);
}

TEST_F(SnLinkTest, GivesUpAfterTheLimitWithoutAnSn) {
    std::vector<Effect> effects;
    Outbox out(effects);
    link.start(at(seconds(0)), out);
    const ConnectFailed failed{{"a", 1}, {Errc::unreachable, "refused"}, false};
    EXPECT_FALSE(link.on_connect_failed(at(seconds(59)), failed, out));
    const auto end = link.on_connect_failed(at(seconds(60)), failed, out);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, NodeEnd::How::leave);
    EXPECT_EQ(end->exit_code, exit_code::peer_lost);
}

}  // namespace
}  // namespace starling::test
