// The SL's connection to its SNs: when heartbeats are sent, and when the next SN is dialled.
#include "core/sl/sn_link.hpp"

#include <gtest/gtest.h>

#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SwarmTime at(SwarmDuration since_start) { return SwarmTime{} + since_start; }

TEST(HeartbeatPace, WaitsAsLongAsTheAnswerTook) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(10)));
    pace.on_answered(at(milliseconds(11'200)));
    EXPECT_EQ(pace.round_trip(), milliseconds(1200));
    EXPECT_FALSE(pace.due(at(seconds(12))));  // 2.4 s after the answered one was sent
    EXPECT_TRUE(pace.due(at(seconds(13))));
}

TEST(HeartbeatPace, WaitsAtMostThreeIntervalsAfterAnAnswer) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(10)));
    pace.on_answered(at(seconds(40)));
    EXPECT_TRUE(pace.due(at(seconds(40))));
}

TEST(HeartbeatPace, BacksOffWithoutAnAnswer) {
    HeartbeatPace pace(seconds(2));
    std::vector<std::int64_t> sent;
    for (int second = 0; second <= 300; second += 2) {
        if (pace.due(at(seconds(second)))) {
            pace.on_sent(at(seconds(second)));
            sent.push_back(second);
        }
    }
    // 6 s, 9 s, 13.5 s, ... up to 60 s, in steps of the interval.
    EXPECT_EQ(sent, (std::vector<std::int64_t>{0, 6, 16, 30, 52, 84, 130, 190, 250}));
}

TEST(HeartbeatPace, BacksOffFromTheFirstOneOfAConnection) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(0)));  // at once, and not because it was due
    EXPECT_FALSE(pace.due(at(seconds(2))));
    EXPECT_TRUE(pace.due(at(seconds(3))));
    pace.on_sent(at(seconds(3)));
    EXPECT_FALSE(pace.due(at(seconds(7))));
    pace.restart();
    pace.on_sent(at(seconds(8)));
    EXPECT_FALSE(pace.due(at(seconds(10))));
    EXPECT_TRUE(pace.due(at(seconds(11))));
}

TEST(ViewWatch, DetectsAnSnThatLagsBehindAnother) {
    ViewWatch watch;
    watch.expect(at(seconds(0)));
    watch.on_later_view_elsewhere();
    EXPECT_EQ(watch.check(at(seconds(10)), {}, false), ViewWatch::Finding::none);
    EXPECT_EQ(watch.check(at(seconds(11)), {}, false), ViewWatch::Finding::lags);
    EXPECT_EQ(watch.check(at(seconds(40)), {}, false), ViewWatch::Finding::none);
}

TEST(ViewWatch, DetectsNothingOnceTheLaterViewArrives) {
    ViewWatch watch;
    watch.on_later_view_elsewhere();
    watch.on_view(at(seconds(5)));
    EXPECT_EQ(watch.check(at(seconds(30)), {}, false), ViewWatch::Finding::none);
}

TEST(ViewWatch, RarelyRequestsASecondSn) {
    ViewWatch watch;
    std::vector<std::int64_t> found;
    for (int second = 0; second <= 1000; ++second) {
        if (watch.check(at(seconds(second)), second / 30, true) == ViewWatch::Finding::unchecked) {
            found.push_back(second);
        }
    }
    EXPECT_EQ(found, (std::vector<std::int64_t>{21, 62, 143, 304, 605, 906}));
}

TEST(ViewWatch, RarelyRequestsASecondSnWhereViewsCome) {
    ViewWatch watch;
    std::vector<std::int64_t> found;
    for (int second = 0; second <= 1000; ++second) {
        watch.on_view(at(seconds(second)));
        if (watch.check(at(seconds(second)), 7, false) == ViewWatch::Finding::unchecked) {
            found.push_back(second);
        }
    }
    EXPECT_EQ(found, (std::vector<std::int64_t>{31, 92, 213, 454, 755}));
}

class SnLinkTest : public testing::Test {
protected:
    /// The addresses dialled by `act`.
    template <typename Act>
    std::vector<std::string> dialled(Act act) {
        std::vector<Effect> effects;
        Outbox out(effects);
        act(out);
        std::vector<std::string> hosts;
        for (const Effect& effect : effects) {
            if (const auto* connect = std::get_if<Connect>(&effect)) {
                hosts.push_back(connect->address.host);
            }
        }
        return hosts;
    }
    void up(SwarmTime now, const NodeId& sn, const Address& dialled_at = {}) {
        dialled([&](Outbox& out) {
            link.on_up(now, {.peer = sn, .role = Role::sn, .dialled = dialled_at}, out);
        });
    }
    auto heartbeat(SwarmTime now, std::optional<Round> awaited = std::nullopt) {
        return dialled([&](Outbox& out) { link.send_heartbeat(now, {}, awaited, out); });
    }

    /// Whether a heartbeat at that time warns of an SN that does not answer.
    bool warns(SwarmTime now) {
        std::vector<Effect> effects;
        Outbox out(effects);
        link.send_heartbeat(now, {}, std::nullopt, out);
        return std::ranges::any_of(effects, [](const Effect& effect) {
            const auto* report = std::get_if<Report>(&effect);
            return report != nullptr &&
                   report->event.text.find("has not answered") != std::string::npos;
        });
    }

    /// Of links to those SNs.
    const SlNodeOptions& with(std::vector<Address> addresses) {
        SlNodeOptions& options = setups.emplace_back();
        options.id = {"sl1"};
        options.sn_addresses = std::move(addresses);
        options.session = own_session;
        options.signer = make_memory_signer(openssl_hasher(), NodeId{"sl1"}, own_session);
        return options;
    }
    /// What the SN's answer to a heartbeat makes of them.
    int rarer_after(const CommandResult& answer) {
        dialled([&](Outbox& out) { link.on_heartbeat_answered(at(seconds(1)), answer, out); });
        return link.rarer();
    }

    void check_in(Round round) {
        dialled([&](Outbox& out) {
            link.submit(at(seconds(1)), CheckInRound{"c", 0, round, {}}, out);
        });
    }
    auto answer(std::uint64_t sequence, Errc code) {
        std::vector<Effect> effects;
        Outbox out(effects);
        return link.take_answered(at(seconds(1)), {sequence, code, "", 0, own_session}, out);
    }
    using Numbers = std::vector<std::uint64_t>;
    /// Numbers of the commands that go out with a heartbeat.
    Numbers repeated() {
        std::vector<Effect> effects;
        Outbox out(effects);
        link.send_heartbeat(at(seconds(1)), {}, std::nullopt, out);
        return commands_to(link.sn().value(), effects);
    }
    static Numbers commands_to(const NodeId& sn, const std::vector<Effect>& effects) {
        Numbers numbers;
        for (const Effect& effect : effects) {
            const auto* send = std::get_if<Send>(&effect);
            const auto* submit =
                send == nullptr ? nullptr : std::get_if<SubmitCommand>(&send->frame.message);
            if (submit != nullptr && send->to == sn) {
                numbers.push_back(submit->sequence);
            }
        }
        return numbers;
    }

    using Hosts = std::vector<std::string>;
    static constexpr std::uint64_t own_session = 7;
    std::list<SlNodeOptions> setups;
    SnLink link{with({{"a", 1}, {"b", 1}})};
};

TEST_F(SnLinkTest, HeartbeatsAreAsRareAsTheSnInUseSays) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(link.rarer(), 1);
    EXPECT_EQ(rarer_after(heartbeat_answer(7)), 7);
    EXPECT_EQ(rarer_after({0, Errc::unreachable, "", 0}), 7) << "this tells nothing";
    EXPECT_EQ(rarer_after(heartbeat_answer(0)), 1) << "an SN that does not tell";
    rarer_after(heartbeat_answer(7));
    up(at(seconds(2)), {"sn2"});
    EXPECT_EQ(link.rarer(), 1) << "the next SN has said nothing yet";
}

TEST_F(SnLinkTest, AnSnCannotMakeHeartbeatsSoRareThatTheNextOneIsDialledLate) {
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(rarer_after(heartbeat_answer(-1)), 10);
    link = SnLink(with({{"a", 1}}));
    up(at(seconds(0)), {"sn1"});
    EXPECT_EQ(rarer_after(heartbeat_answer(-1)), 240) << "there is no other SN to dial";
}

TEST_F(SnLinkTest, ACommandThatIsNotAnsweredIsRepeatedSoon) {
    up(at(seconds(0)), {"sn1"});
    rarer_after(heartbeat_answer(7));
    dialled([&](Outbox& out) { link.submit(at(seconds(1)), ReadBarrier{}, out); });
    EXPECT_EQ(link.rarer(), 1);
    dialled([&](Outbox& out) { link.take_answered(at(seconds(2)), {1, Errc::ok, "", 0}, out); });
    EXPECT_EQ(link.rarer(), 7);
}

TEST_F(SnLinkTest, ACommandToTheOnlySnIsRepeatedWithinThirtySeconds) {
    link = SnLink(with({{"a", 1}}));
    up(at(seconds(0)), {"sn1"});
    dialled([&](Outbox& out) { link.submit(at(seconds(1)), ReadBarrier{}, out); });
    EXPECT_EQ(rarer_after(heartbeat_answer(7)), 7);
    EXPECT_EQ(rarer_after(heartbeat_answer(240)), 30);
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
TEST_F(SnLinkTest, TakesNoAnswerToAnEarlierStart) {
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
TEST_F(SnLinkTest, ARefusedCheckInIsNotAnswered) {
    std::vector<Effect> effects;
    Outbox out(effects);
    up(at(seconds(0)), {"sn1"});
    link.submit(at(seconds(1)), CheckInRound{"c", 0, 1, {}}, out);
    EXPECT_FALSE(link.take_answered(at(seconds(2)), {1, Errc::refused, "no", 0}, out));
    EXPECT_TRUE(link.take_answered(at(seconds(3)), {1, Errc::stale, "over", 0}, out));
}

/// An SN that answers a command without sending it on leaves such a gap, too.
TEST_F(SnLinkTest, RepeatsAnsweredCommandsWhenALaterOneIsRefused) {
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

TEST_F(SnLinkTest, ASecondSnIsAskedForWhatOneHasAnswered) {
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

TEST_F(SnLinkTest, AnSnThatIsConnectedIsAskedWithoutANewConnection) {
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
TEST_F(SnLinkTest, ACommandIsSentToAllSnsThatAreConnected) {
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

TEST_F(SnLinkTest, AnSnThatIsNotBelievedIsNotAskedForAWhile) {
    link = SnLink(with({{"a", 1}, {"b", 1}, {"c", 1}}));
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    link.on_view(at(seconds(1)), 5);
    EXPECT_EQ(dialled([&](Outbox& out) { link.on_merge_differs(at(seconds(1)), out); }), Hosts{"b"})
        << "it may have named other members than the others' SNs";
    up(at(seconds(1)), {"sn2"}, {"b", 1});
    link.on_later_view_elsewhere(at(seconds(2)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(13)), 1), Hosts{});
    EXPECT_EQ(heartbeat(at(seconds(44)), 1), Hosts{"c"}) << "sn1 is connected";
    link.on_later_view_elsewhere(at(seconds(310)), {"sn1"});
    EXPECT_EQ(heartbeat(at(seconds(311)), {}), Hosts{"a"}) << "not for ever";
}

TEST_F(SnLinkTest, WhatARoundHasProvedIsNotAskedAgain) {
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

TEST_F(SnLinkTest, ARoundMayHaveProvedACheckInThatIsNotKeptAnyMore) {
    up(at(seconds(0)), {"sn1"}, {"a", 1});
    for (std::uint64_t number = 1; number <= 17; ++number) {  // 16 are kept
        check_in(2);
        EXPECT_TRUE(answer(number, Errc::ok));
    }
    link.on_taken_part(2);
    up(at(seconds(2)), {"sn2"}, {"b", 1});
    EXPECT_EQ(repeated(), Numbers{2}) << "the first one may have sufficed";
}

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
}  // namespace starling
