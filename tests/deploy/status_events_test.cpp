// What swarm-board makes of an SN's answers.
#include "deploy/board/status_events.hpp"

#include <gtest/gtest.h>

#include "deploy/board/seat_events.hpp"

namespace starling {
namespace {

class StatusEventsTest : public testing::Test {
protected:
    void answer(std::string_view topic, std::string_view json) {
        const Result<JsonValue> value = parse_json(json);
        ASSERT_TRUE(value) << value.error().message;
        events.add(topic, *value, ++second * 1'000'000'000);
    }
    JsonValue run() const { return *parse_json(model.json()); }
    std::string wait() const {
        const JsonValue all = run();
        return all.find("waits")->items.back().value.find("text")->text;
    }
    void two_members() {
        answer("servers", R"({"leader": "sn1", "name": "sn1", "term": 3,
            "servers": [{"name": "sn1", "leads": true, "connected": true}]})");
        answer("contract", R"({"name": "c", "run": 0, "round": 0, "members": [
            {"name": "sl1", "status": "active"}, {"name": "sl2", "status": "active"}]})");
    }

    RunModel model;
    StatusEvents events{model};
    std::int64_t second = 1'700'000'000;
};

TEST_F(StatusEventsTest, TellWhoLeads) {
    two_members();
    EXPECT_EQ(run().find("leader")->text, "sn1");
    EXPECT_EQ(run().find("term")->text, "3");
}

TEST_F(StatusEventsTest, TellForWhomARoundWaits) {
    two_members();
    answer("round", R"({"name": "c", "run": 0, "round": 0, "attempt": 0, "phase": "gathering",
        "checked_in_members": ["sl1"], "last_commit": null})");
    EXPECT_EQ(wait(), "Round 0: 1 of 2 members has checked in. Missing: sl2.");
    answer("round", R"({"name": "c", "run": 0, "round": 0, "attempt": 0, "phase": "exchanging",
        "checked_in_members": ["sl1", "sl2"], "exchanging_members": ["sl1", "sl2"],
        "reported_members": ["sl2"], "last_commit": null})");
    EXPECT_EQ(wait(), "Round 0: exchange of parameters, until sl1 has merged.");
    answer("round", R"({"name": "c", "run": 0, "round": 1, "attempt": 0, "phase": "gathering",
        "checked_in_members": [], "last_commit": {"round": 0, "digest": "ab", "final": false,
        "members": [{"name": "sl1"}, {"name": "sl2"}]}})");
    EXPECT_EQ(wait(), "Round 1: the members train. Nobody waits.");
    EXPECT_EQ(run().find("rounds")->items.at(0).value.find("digest")->text, "ab");
}

TEST_F(StatusEventsTest, TheSameAnswerTwiceChangesNothing) {
    two_members();
    const std::string answer_text = R"({"name": "c", "run": 0, "round": 0, "attempt": 0,
        "phase": "gathering", "checked_in_members": ["sl1"], "last_commit": null})";
    answer("round", answer_text);
    const std::uint64_t version = model.version();
    answer("round", answer_text);
    two_members();
    EXPECT_EQ(model.version(), version);
}

TEST_F(StatusEventsTest, AModelThatNobodySendsIsAnAlarm) {
    two_members();
    answer("contract", R"({"name": "c", "run": 0, "round": 3, "missing_model": null})");
    EXPECT_TRUE(run().find("alarms")->items.empty());
    answer("contract", R"({"name": "c", "run": 0, "round": 3, "missing_model": {
        "round": 2, "asking": ["sl1", "sl2"], "lost": true, "text": "..."}})");
    const std::string events_before = run().find("events")->text;
    answer("contract", R"({"name": "c", "run": 0, "round": 3, "missing_model": {
        "round": 2, "asking": ["sl1", "sl2"], "lost": true, "text": "..."}})");
    const JsonValue all = run();
    EXPECT_EQ(all.find("events")->text, events_before) << "nothing has changed";
    ASSERT_EQ(all.find("alarms")->items.size(), 1U);
    EXPECT_EQ(all.find("alarms")->items.at(0).value.find("text")->text,
              "Nobody sends the model of round 2, for which 2 members ask");
}

TEST_F(StatusEventsTest, BytesThatMembersReceivedAreTakenOnce) {
    two_members();
    const auto received = [&](const std::string& round, const std::string& attempt,
                              const std::string& from) {
        answer("round", R"({"name": "c", "run": 0, "round": 0, "attempt": 0, "received": [
            {"name": "sl1", "run": 0, "round": )" +
                            round + R"(, "attempt": )" + attempt + R"(, "from": )" + from + "}]}");
    };
    received("0", "0", R"({"sl2": 10})");
    received("0", "0", R"({"sl2": 10})");
    received("0", "0", R"({"sl2": 25, "sl3": 4})");
    received("0", "1", R"({"sl2": 7})");
    received("0", "0", R"({"sl2": 25})");  // a member can't count twice by telling it again
    received("0", "1", R"({"sl2": 7})");
    received("0", "1", R"({"sl2": -3, "sl3": "x", "sl4": 99999999999999999999})");
    const JsonValue all = run();
    std::vector<std::string> bytes;
    for (const JsonMember& item : all.find("transfers")->items) {
        bytes.push_back(item.value.items.at(4).value.text);
    }
    EXPECT_EQ(bytes, (std::vector<std::string>{"10", "15", "4", "7"}));
}

TEST_F(StatusEventsTest, BytesAreTakenAgainAfterANewLedger) {
    two_members();
    const auto received = [&](const std::string& of_round) {
        answer("round", R"({"name": "c", "run": 0, "round": )" + of_round +
                            R"(, "attempt": 0, "received": [{"name": "sl1", "run": 0, "round": )" +
                            of_round + R"(, "attempt": 0, "from": {"sl2": 10}}]})");
    };
    received("5");
    received("0");
    received("0");
    EXPECT_EQ(run().find("transfers")->items.size(), 2U);
}

/// The board has turned to another SN, which has not applied the newest entries yet.
TEST_F(StatusEventsTest, AnSnThatLagsBehindTellsNothingTwice) {
    two_members();
    const auto round = [&](int number, const char* digest) {
        const std::string text =
            R"({"name": "c", "run": 0, "round": )" + std::to_string(number) +
            R"(, "attempt": 0, "phase": "gathering", "checked_in_members": ["sl1"],
            "members": [{"name": "sl1", "status": "active", "checked_in": true, "last_loss": 0.5},
            {"name": "sl2", "status": "active"}], "last_commit": {"round": )" +
            std::to_string(number - 1) + R"(, "digest": ")" + digest + R"(", "members": []}})";
        answer("contract", text);
        answer("round", text);
    };
    round(1, "aa");
    round(2, "bb");
    round(3, "cc");
    const JsonValue before = run();
    round(2, "bb");
    round(3, "cc");
    const JsonValue after = run();
    EXPECT_EQ(after.find("losses")->items.size(), 3U);
    EXPECT_EQ(after.find("events")->text, before.find("events")->text);
    round(2, "dd");
    EXPECT_EQ(run().find("losses")->items.size(), 4U) << "a new ledger";
}

TEST_F(StatusEventsTest, ALicenceServerThatStartsAfterTheBoardIsReady) {
    SeatEvents seats(model);
    const auto state = [&] {
        const JsonValue all = run();
        for (const JsonMember& node : all.find("nodes")->items) {
            if (node.value.find("name")->text == "licence server") {
                return node.value.find("state")->text;
            }
        }
        return std::string("(no such node)");
    };
    seats.no_answer(++second * 1'000'000'000);
    const std::string events_before = run().find("events")->text;
    seats.no_answer(++second * 1'000'000'000);
    EXPECT_EQ(run().find("events")->text, events_before) << "nothing has changed";
    const Result<JsonValue> value = parse_json(R"({"licensee": "c", "valid": true, "seats": []})");
    ASSERT_TRUE(value);
    seats.add(*value, ++second * 1'000'000'000);
    EXPECT_EQ(state(), "serving");
    EXPECT_EQ(run().find("licence")->find("answers")->text, "true");
}

TEST_F(StatusEventsTest, SeatsAndTheirHoldersAreTakenFromALicenceServer) {
    SeatEvents seats(model);
    two_members();
    const auto says = [&](const std::string& holders, const std::string& revoked) {
        const Result<JsonValue> value = parse_json(
            R"({"licensee": "Two clinics", "until": "2027-12-31", "valid": true,
            "seats": [{"role": "sl", "taken": 1, "all": 2}], "holders": [)" +
            holders + R"(], "revoked": [)" + revoked + "]}");
        ASSERT_TRUE(value);
        seats.add(*value, ++second * 1'000'000'000);
    };
    const auto seat_of = [&](const std::string& name) {
        const JsonValue all = run();
        for (const JsonMember& node : all.find("nodes")->items) {
            if (node.value.find("name")->text == name) {
                return node.value.find("seat")->text;
            }
        }
        return std::string("(no such node)");
    };
    says(R"({"name": "sl1", "role": "sl", "connected": true})", "");
    EXPECT_EQ(seat_of("sl1"), "held");
    EXPECT_EQ(seat_of("sl2"), "");
    const std::string events_before = run().find("events")->text;
    says(R"({"name": "sl1", "role": "sl", "connected": true})", "");
    EXPECT_EQ(run().find("events")->text, events_before) << "nothing has changed";
    says(R"({"name": "sl2", "role": "sl", "connected": false})", R"("sl1")");
    EXPECT_EQ(seat_of("sl1"), "revoked");
    EXPECT_EQ(seat_of("sl2"), "held");
    says("", R"("sl1")");
    EXPECT_EQ(seat_of("sl2"), "lapsed") << "it was not connected when it went";
    EXPECT_EQ(run().find("licence")->find("answers")->text, "true");
    seats.no_answer(++second * 1'000'000'000);
    EXPECT_EQ(run().find("licence")->find("answers")->text, "false");
}

TEST_F(StatusEventsTest, ALossIsTakenOncePerRound) {
    two_members();
    for (int i = 0; i < 3; ++i) {
        answer("contract", R"({"name": "c", "run": 0, "round": 0, "members": [
            {"name": "sl1", "status": "active", "checked_in": true, "last_loss": 0.5}]})");
    }
    const JsonValue all = run();
    ASSERT_EQ(all.find("losses")->items.size(), 1U);
    EXPECT_EQ(all.find("losses")->items.at(0).value.items.at(3).value.text, "500000");
}

TEST_F(StatusEventsTest, NamedValuesAreTakenOncePerRound) {
    two_members();
    for (const char* round : {"0", "0", "1"}) {
        answer("contract", R"({"name": "c", "run": 0, "round": )" + std::string(round) +
                               R"(, "members": [{"name": "sl1", "status": "active",
            "checked_in": true, "scalars": {"lr": 0.1, "val/acc": null}}]})");
    }
    const JsonValue all = run();
    ASSERT_EQ(all.find("scalars")->items.size(), 4U);
    EXPECT_EQ(all.find("scalars")->items.at(0).value.items.at(4).value.text, "0.1");
    EXPECT_EQ(all.find("scalars")->items.at(1).value.items.at(4).value.kind, JsonValue::Kind::null);
}

TEST_F(StatusEventsTest, ANodeThatIsNotConnectedIsDownAndOneThatIsHeardHasASignOfLife) {
    two_members();
    for (const char* connected : {"true", "false"}) {
        answer("nodes", R"({"nodes": [
            {"name": "sl1", "role": "sl", "connected": true, "last_heard_ms_ago": 250},
            {"name": "sl2", "role": "sl", "connected": )" +
                            std::string(connected) + R"(, "last_heard_ms_ago": null}]})");
    }
    const JsonValue all = run();
    const auto& nodes = all.find("nodes")->items;
    EXPECT_EQ(nodes.at(1).value.find("last_us")->text, "2750000");  // 0.25 s before the last answer
    EXPECT_EQ(nodes.at(2).value.find("state")->text, "down");
    EXPECT_EQ(all.find("alarms")->items.size(), 1U);
}

TEST_F(StatusEventsTest, ACertificateThatExpiresSoonIsAnAlarmOnceADay) {
    two_members();
    const auto nodes = [&](std::int64_t until) {
        answer("nodes", R"({"nodes": [{"name": "sl1", "role": "sl", "connected": true,
            "last_heard_ms_ago": 0, "certificate_until": )" +
                            std::to_string(until) + "}]}");
    };
    constexpr std::int64_t day = 86'400;
    nodes(second + 31 * day);
    EXPECT_EQ(run().find("alarms")->items.size(), 0U);
    const std::int64_t until = second + 29 * day + 3'600;
    nodes(until);
    nodes(until);
    const JsonValue all = run();
    ASSERT_EQ(all.find("alarms")->items.size(), 1U);
    const JsonValue& alarm = all.find("alarms")->items.at(0).value;
    EXPECT_EQ(alarm.find("text")->text, "The certificate of sl1 expires in 29 days");
    EXPECT_EQ(alarm.find("count")->text, "1");
    EXPECT_EQ(all.find("nodes")->items.at(1).value.find("certificate_until")->text,
              std::to_string(until));
    second += day;
    nodes(until);
    EXPECT_EQ(run().find("alarms")->items.size(), 2U);
}

TEST_F(StatusEventsTest, AnAnswerThatLacksEverythingIsNone) {
    for (const char* topic : {"servers", "nodes", "contract", "round", "other"}) {
        answer(topic, "{}");
        answer(topic, "[1, {\"name\": 7}]");
        answer(topic, R"({"servers": 1, "nodes": [1], "members": "x", "last_commit": [],
            "checked_in_members": {"a": {}}})");
    }
    EXPECT_EQ(run().find("rounds")->items.size(), 0U);
}

}  // namespace
}  // namespace starling
