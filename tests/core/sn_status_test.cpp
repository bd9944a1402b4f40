#include "core/sn/sn_status.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "core/base/json_writer.hpp"
#include "core/json/json.hpp"
#include "core/sn/sn_node.hpp"
#include "core/wire/codec.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// An SN without a network: a ledger that members submit to, and the SN's view of its peers.
class SnStatusTest : public testing::Test {
protected:
    void submit(const std::string& node, Command command) {
        const Applied applied =
            ledger.apply({0, {node}, 1, ++sequences[node], std::move(command)}, ++index);
        EXPECT_EQ(applied.answer.code, Errc::ok) << applied.answer.reason;
    }
    void enrol(const std::string& node, std::uint32_t min_peers = 2,
               const std::string& contract = "default") {
        submit(node, RegisterNode{Role::sl, {"10.0.0.1", 16000}});
        ContractConfig config;
        config.min_peers = min_peers;
        config.layout_bytes = 12;
        config.grace_ns = 3'000'000'000;
        submit(node, Enrol{contract, config, "w F32 3\n"});
    }
    void check_in(const std::string& node, Round round, double loss = nan, Scalars scalars = {}) {
        CheckIn metrics;
        metrics.fresh = true;
        metrics.loss = loss;
        metrics.scalars = std::move(scalars);
        metrics.weight = 7;
        metrics.epochs_done = 1;
        metrics.epochs_total = 4;
        metrics.samples = 640;
        submit(node, CheckInRound{"default", 0, round, metrics});
    }
    void report(const std::string& node, Round round) {
        RoundReports& of_round = reports["default"];
        if (const RoundKey key{"default", 0, round, 0}; of_round.key() != key) {
            of_round = {key, ledger.find_contract("default")->frozen};
        }
        of_round.add({{node}, Digest{}, {}});
    }
    void commit(Round round) {
        CommitRound command{"default", 0, round, 0, {}};
        for (const RoundMember& member : ledger.find_contract("default")->frozen) {
            command.reports.push_back({member.id, {}, {}});
        }
        EXPECT_EQ(ledger.apply({0, id, 0, 0, command, {}}, ++index).answer.code, Errc::ok);
    }

    SnStatusSource source() const {
        return {.id = id,
                .api_address = address,
                .ledger = ledger,
                .peers = peers,
                .reports = reports,
                .head = head,
                .entries = index,
                .now = now,
                .ledger_now = now,
                .started = SwarmTime{},
                .servers = servers,
                .leader = leader,
                .term = 3,
                .leader_seen = from_ns(1'000'000'000)};
    }
    /// The answer, parsed.
    JsonValue ask(const std::string& topic, const std::string& name = "") const {
        const Result<std::string> text = status_json(source(), {1, topic, name, false});
        EXPECT_TRUE(text) << (text ? "" : text.error().message);
        const Result<JsonValue> value = parse_json(text ? *text : "null");
        EXPECT_TRUE(value) << *text;
        return *value;
    }
    Error error_of(const std::string& topic, const std::string& name = "") const {
        const Result<std::string> text = status_json(source(), {1, topic, name, false});
        EXPECT_FALSE(text);
        return text ? Error{} : text.error();
    }

    const NodeId id{"sn1"};
    const Address address{"10.0.0.100", 30304};
    Ledger ledger;
    std::map<NodeId, SnPeer> peers;
    std::map<std::string, RoundReports> reports;
    std::map<std::string, std::uint64_t> sequences;
    std::vector<Server> servers = {{{"sn1"}, {"10.0.0.100", 30304}, 1, true},
                                   {{"sn2"}, {"10.0.0.101", 30304}, 2, true},
                                   {{"sn3"}, {"10.0.0.102", 30304}, 3, false}};
    std::optional<NodeId> leader{{"sn2"}};
    Digest head;
    std::uint64_t index = 0;
    SwarmTime now = from_ns(5'000'000'000);
};

std::string text(const JsonValue& value, std::string_view name) {
    const JsonValue* found = value.find(name);
    return found == nullptr                       ? "missing"
           : found->kind == JsonValue::Kind::null ? "null"
                                                  : found->text;
}

std::string names(const JsonValue& value, std::string_view list) {
    std::string joined;
    for (const auto& [key, item] : value.find(list)->items) {
        joined += item.text + " ";
    }
    return joined;
}

TEST_F(SnStatusTest, NodesAreItselfAllRegisteredAndAllConnected) {
    enrol("sl1");
    enrol("sl2");
    peers[{"sl1"}] = {true, Role::sl, true, false, now - std::chrono::milliseconds(250), {}};
    // known from the ledger, not connected since the start
    peers[{"sl2"}] = {false, Role::sl, false, false, now, now};
    peers[{"admin"}] = {true, Role::tool, true, false, now, {}};
    peers[{"gone"}] = {false, Role::tool, true, false, now, {}};
    const JsonValue answer = ask("nodes");
    const auto& nodes = answer.find("nodes")->items;
    ASSERT_EQ(nodes.size(), 4U);
    EXPECT_EQ(text(nodes[0].value, "name"), "sn1");
    EXPECT_EQ(text(nodes[0].value, "host"), "10.0.0.100");
    EXPECT_EQ(text(nodes[1].value, "name"), "sl1");
    EXPECT_EQ(text(nodes[1].value, "role"), "sl");
    EXPECT_EQ(text(nodes[1].value, "port"), "16000");
    EXPECT_EQ(text(nodes[1].value, "connected"), "true");
    EXPECT_EQ(text(nodes[1].value, "last_heard_ms_ago"), "250");
    EXPECT_EQ(text(nodes[2].value, "connected"), "false");
    EXPECT_EQ(text(nodes[2].value, "last_heard_ms_ago"), "null");
    EXPECT_EQ(text(nodes[3].value, "name"), "admin");
    EXPECT_EQ(text(nodes[3].value, "host"), "null");
}

TEST_F(SnStatusTest, ServersShowVoteConnectionAndLeadership) {
    peers[{"sn2"}].here = true;
    const JsonValue answer = ask("servers");
    EXPECT_EQ(text(answer, "leader"), "sn2");
    EXPECT_EQ(text(answer, "leader_missing_ms"), "0");
    EXPECT_EQ(text(answer, "term"), "3");
    std::string shown;
    for (const auto& [unnamed, server] : answer.find("servers")->items) {
        shown += text(server, "name") + " " + text(server, "host") + " " + text(server, "votes") +
                 " " + text(server, "connected") + " " + text(server, "leads") + "\n";
    }
    EXPECT_EQ(shown,
              "sn1 10.0.0.100 true true false\n"
              "sn2 10.0.0.101 true true true\n"
              "sn3 10.0.0.102 false false false\n");
}

TEST_F(SnStatusTest, EveryAnswerShowsAMissingLeader) {
    enrol("sl1");
    leader.reset();
    for (const char* topic : {"nodes", "servers", "contracts", "contract", "round", "version"}) {
        const JsonValue answer = ask(topic, "default");
        EXPECT_EQ(text(answer, "leader"), "null") << topic;
        EXPECT_EQ(text(answer, "leader_missing_ms"), "4000") << topic;
    }
}

TEST_F(SnStatusTest, AContractShowsWhomItWaitsFor) {
    enrol("sl1", 3);
    EXPECT_EQ(text(ask("contract", "default"), "waiting"),
              "waiting 0/3: missing sl1; 2 of min_peers 3 have not joined");
    enrol("sl2", 3);
    enrol("sl3", 3);
    check_in("sl1", 0);
    check_in("sl2", 0);
    EXPECT_EQ(text(ask("contract", "default"), "waiting"), "waiting 2/3: missing sl3");
    check_in("sl3", 0);
    const JsonValue frozen = ask("contract", "default");
    EXPECT_EQ(text(frozen, "waiting"), "");
    EXPECT_EQ(text(frozen, "phase"), "exchanging");
    EXPECT_EQ(text(*frozen.find("config"), "merge"), "mean");
    EXPECT_EQ(text(*frozen.find("config"), "grace_ms"), "3000");
}

TEST_F(SnStatusTest, AContractShowsTheModelThatNobodySends) {
    leader = id;
    for (const char* sl : {"sl1", "sl2", "sl3"}) {
        enrol(sl, 3);
    }
    for (const char* sl : {"sl1", "sl2", "sl3"}) {
        check_in(sl, 0);
    }
    commit(0);
    SnPeer& asks = peers[{"sl1"}];
    asks.connected = true;
    asks.heartbeat.contract = "default";
    asks.heartbeat.progress = {0, 12, "sl2"};
    peers[{"sl2"}].connected = true;
    const auto after = [&](SwarmDuration without_a_byte) {
        asks.transfer.moved_at = now - without_a_byte;
        return *ask("contract", "default").find("missing_model");
    };
    EXPECT_EQ(after(std::chrono::seconds(29)).kind, JsonValue::Kind::null);
    after(std::chrono::seconds(30));
    peers[{"sl9"}] = asks;  // is no member
    const JsonValue missing = after(std::chrono::seconds(30));
    EXPECT_EQ(text(missing, "round"), "0");
    EXPECT_EQ(names(missing, "asking"), "sl1 ");
    EXPECT_EQ(text(missing, "lost"), "false");
    EXPECT_TRUE(text(missing, "text").find("Not connected of these: 'sl3'") != std::string::npos);
    EXPECT_TRUE(text(missing, "text").find("not asking for it: 'sl2'") != std::string::npos);
    leader = NodeId{"sn2"};
    EXPECT_TRUE(text(after(std::chrono::seconds(30)), "text").find("'sl3'") == std::string::npos);
}

TEST_F(SnStatusTest, AMemberThatAsksAgainBeginsItsHalfMinuteAnewButNotIfItChangesItsSn) {
    SnPeer peer;
    Heartbeat asks;
    asks.contract = "default";
    asks.session = 7;
    asks.progress = {0, 12, "sl2"};
    const auto says = [&](int second, const Heartbeat& beat) {
        peer.on_heartbeat(now + std::chrono::seconds(second), beat);
        return (peer.transfer.moved_at - now) / std::chrono::seconds(1);
    };
    EXPECT_EQ(says(1, asks), 1);
    Heartbeat first_at_another_sn;
    first_at_another_sn.session = 7;
    says(5, first_at_another_sn);
    EXPECT_EQ(says(6, asks), 1);
    Heartbeat has_it = asks;
    has_it.progress = {};
    says(10, has_it);
    EXPECT_EQ(says(20, asks), 20);
}

TEST_F(SnStatusTest, TheNewestHeartbeatIsHandedOnWithItsSenders) {
    SnPeer peer;
    Heartbeat beat;
    beat.contract = "default";
    beat.round = 3;
    beat.senders = {{{"sl2"}, 4096}};
    peer.on_heartbeat(now, beat);
    ASSERT_EQ(peer.heartbeat_with_senders().senders.size(), 1U);
    EXPECT_EQ(peer.heartbeat_with_senders().senders[0].bytes, 4096U);
    beat.round = 4;
    beat.senders.clear();
    peer.on_heartbeat(now, beat);
    EXPECT_TRUE(peer.heartbeat_with_senders().senders.empty()) << "they were of the round before";
    EXPECT_EQ(peer.received.key.round, 3U);
}

TEST_F(SnStatusTest, ARateIsNotNegativeWhereAFetchStartsOver) {
    SnPeer peer;
    Heartbeat beat;
    beat.contract = "default";
    const auto rate_after = [&](int second, std::uint64_t bytes) {
        beat.progress = {bytes, 9000, "sl2"};
        peer.on_heartbeat(now + std::chrono::seconds(second), beat);
        return peer.bytes_per_second();
    };
    rate_after(0, 0);
    EXPECT_EQ(rate_after(10, 5000), 500);
    EXPECT_EQ(rate_after(12, 0), 0);
    EXPECT_EQ(rate_after(14, 600), 300);
}

TEST_F(SnStatusTest, MembersShowTheirLastMetrics) {
    enrol("sl1");
    enrol("sl2");
    const auto member = [&](std::size_t which) {
        return ask("contract", "default").find("members")->items.at(which).value;
    };
    EXPECT_EQ(text(member(0), "last_loss"), "null");
    EXPECT_EQ(text(member(0), "weight"), "null");
    check_in("sl1", 0, 1.5);
    EXPECT_EQ(text(member(0), "last_loss"), "1.5");
    EXPECT_EQ(text(member(0), "epochs_total"), "4");
    EXPECT_EQ(text(member(0), "samples"), "640");
    EXPECT_EQ(text(member(0), "checked_in"), "true");
    EXPECT_EQ(text(member(1), "checked_in"), "false");
    check_in("sl2", 0);
    commit(0);
    EXPECT_EQ(text(member(0), "checked_in"), "false") << "the next round has begun";
    EXPECT_EQ(text(member(0), "last_loss"), "1.5");
    EXPECT_EQ(text(member(1), "last_loss"), "null") << "it never measured a loss";
    check_in("sl1", 1);
    EXPECT_EQ(text(member(0), "last_loss"), "1.5") << "no newer measurement";
}

TEST_F(SnStatusTest, MembersShowTheValuesThatTheirLastCheckInReported) {
    enrol("sl1");
    enrol("sl2");
    const auto scalars = [&](std::size_t which) {
        return *ask("contract", "default").find("members")->items.at(which).value.find("scalars");
    };
    EXPECT_TRUE(scalars(0).items.empty());
    check_in("sl1", 0, nan, {{"val/accuracy", 0.25}, {"val/worst", nan}});
    ASSERT_EQ(scalars(0).items.size(), 2U);
    EXPECT_EQ(scalars(0).items[0].name, "val/accuracy");
    EXPECT_EQ(scalars(0).items[0].value.text, "0.25");
    EXPECT_EQ(scalars(0).items[1].value.kind, JsonValue::Kind::null) << "JSON has no NaN";
    check_in("sl2", 0);
    commit(0);
    EXPECT_EQ(scalars(0).items.size(), 2U) << "until the next one";
    EXPECT_TRUE(scalars(1).items.empty());
    check_in("sl1", 1);
    EXPECT_TRUE(scalars(0).items.empty()) << "of the new round";
}

TEST_F(SnStatusTest, WhatMembersReportCantHideTheRest) {
    Scalars most;
    for (int i = 0; i < 16; ++i) {
        most[std::string(62, 'x') + std::to_string(10 + i)] = 1.0 / 3.0;
    }
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "sl" + std::to_string(i);
        enrol(name, 2000);
        check_in(name, 0, nan, most);
    }
    const JsonValue answer = ask("contract", "default");
    ASSERT_EQ(answer.find("members")->items.size(), 1000U);
    EXPECT_EQ(answer.find("members")->items[0].value.find("scalars"), nullptr);
}

TEST_F(SnStatusTest, ARoundGoesFromCheckInsToReportsToItsCommit) {
    enrol("sl1");
    enrol("sl2");
    enrol("sl3");
    check_in("sl2", 0);
    JsonValue round = ask("round", "default");
    EXPECT_EQ(names(round, "checked_in_members"), "sl2 ");
    EXPECT_EQ(names(round, "missing_members"), "sl1 sl3 ");
    EXPECT_EQ(text(round, "deadline_ms"), "null");
    EXPECT_EQ(text(round, "last_commit"), "null");
    check_in("sl1", 0);
    round = ask("round", "default");
    EXPECT_EQ(text(round, "deadline_ms"), "0") << "3 s of grace from time 0, and it is 5 s now";
    now = from_ns(1'000'000'000);
    EXPECT_EQ(text(ask("round", "default"), "deadline_ms"), "2000");
    check_in("sl3", 0);
    report("sl1", 0);
    round = ask("round", "default");
    EXPECT_EQ(text(round, "phase"), "exchanging");
    EXPECT_EQ(names(round, "exchanging_members"), "sl1 sl2 sl3 ");
    EXPECT_EQ(names(round, "reported_members"), "sl1 ");
    commit(0);
    round = ask("round", "default");
    EXPECT_EQ(text(round, "round"), "1");
    const JsonValue& commit = *round.find("last_commit");
    EXPECT_EQ(text(commit, "round"), "0");
    EXPECT_EQ(text(commit, "digest"), std::string(64, '0'));
    EXPECT_EQ(text(commit.find("members")->items.at(1).value, "weight"), "7");
}

TEST_F(SnStatusTest, OfWhatMembersSayTheyReceivedOnlyWhatCanBeIsTold) {
    for (const char* name : {"sl1", "sl2", "sl3"}) {
        enrol(name, 3);
    }
    for (const char* name : {"sl1", "sl2", "sl3"}) {
        check_in(name, 0);
    }
    const auto says = [&](const char* name, Round round, std::vector<Sender> senders) {
        Heartbeat beat;
        beat.contract = "default";
        beat.round = round;
        beat.senders = std::move(senders);
        peers[{name}].on_heartbeat(now, beat);
    };
    says("sl1", 0, {{"sl2", 12}, {"sl3", 1'000'000'000'000}, {"<b>", 5}, {"sl2", 9}});
    says("sl2", 7, {{"sl1", 12}});
    says("sl3", 0, {{"sl1", 4}});
    says("sl3", 0, {});  // no exchange is on any more
    const JsonValue answer = ask("round", "default");
    const auto& received = answer.find("received")->items;
    ASSERT_EQ(received.size(), 2U) << "sl2 tells of a round that is not on";
    const auto& from = received.at(0).value.find("from")->items;
    ASSERT_EQ(from.size(), 2U);
    EXPECT_EQ(from.at(0).name + " " + from.at(0).value.text, "sl2 12");
    EXPECT_EQ(from.at(1).name + " " + from.at(1).value.text, "sl3 24") << "twice the parameters";
    EXPECT_EQ(text(received.at(1).value, "name"), "sl3");
    commit(0);
    EXPECT_EQ(ask("round", "default").find("received")->items.size(), 2U)
        << "the last committed round's are told while the next one is gathered";
}

TEST_F(SnStatusTest, TheSameStateGivesTheSameText) {
    enrol("sl1");
    for (const char* topic : {"nodes", "contracts", "contract", "round", "version"}) {
        EXPECT_EQ(*status_json(source(), {1, topic, "default", false}),
                  *status_json(source(), {2, topic, "default", true}));
    }
    EXPECT_EQ(text(ask("version"), "uptime_ms"), "5000");
    EXPECT_EQ(text(ask("version"), "ledger_entries"), std::to_string(index));
}

TEST_F(SnStatusTest, AnUnknownTopicOrNameIsAnsweredWithTheKnownOnes) {
    EXPECT_EQ(error_of("contract", "x").message, "no contract 'x': none was started on this SN");
    enrol("sl1");
    enrol("sl2", 2, "other");
    const Error contract = error_of("round", "x");
    EXPECT_EQ(contract.code, Errc::not_found);
    EXPECT_EQ(contract.message, "no contract 'x': known: 'default', 'other'");
    const Error topic = error_of("secrets");
    EXPECT_EQ(topic.code, Errc::not_found);
    EXPECT_NE(topic.message.find("ask for nodes, servers, contracts"), std::string::npos);
}

TEST_F(SnStatusTest, AnAnswerLargerThanAFrameIsRefusedWithAnAlternative) {
    for (int i = 0; i < 8000; ++i) {
        submit("sl" + std::to_string(i), RegisterNode{Role::sl, {std::string(40, 'a'), 16000}});
    }
    const Error error = error_of("nodes");
    EXPECT_EQ(error.code, Errc::too_large);
    EXPECT_NE(error.message.find("show contract NAME"), std::string::npos) << error.message;
    EXPECT_TRUE(status_json(source(), {1, "version", "", false}));
}

TEST_F(SnStatusTest, AnInvalidUtf8NameLeavesTheAnswerValid) {
    enrol("sl1", 2, std::string("a\"\\\x1b\xff\n"));
    const Result<std::string> answer = status_json(source(), {1, "contracts", "", false});
    ASSERT_TRUE(answer);
    EXPECT_EQ(valid_utf8(*answer), *answer);
    const auto contract = ask("contracts").find("contracts")->items.at(0).value;
    EXPECT_EQ(text(contract, "name"), "a\"\\\x1b\xEF\xBF\xBD\n");
}

// ---- Subscriptions

std::vector<StatusReply> replies(const std::vector<Effect>& effects) {
    std::vector<StatusReply> found;
    for (const Effect& effect : effects) {
        if (const auto* send = std::get_if<Send>(&effect)) {
            found.push_back(std::get<StatusReply>(send->frame.message));
        }
    }
    return found;
}

TEST_F(SnStatusTest, ASubscriberIsNotifiedOfEveryChangeUntilItDisconnects) {
    enrol("sl1");
    peers[{"admin"}] = {true, Role::tool, true, false, now, {}};
    SnStatus status(9);
    std::vector<Effect> effects;
    Outbox out(effects);
    status.on_query({"admin"}, {5, "round", "default", true}, source(), out);
    EXPECT_EQ(replies(effects).size(), 1U);
    effects.clear();
    status.notify_subscribers(source(), out);
    EXPECT_TRUE(effects.empty()) << "nothing has changed";
    now += std::chrono::seconds(1);
    check_in("sl1", 0);
    status.mark_changed();
    status.notify_subscribers(source(), out);
    ASSERT_EQ(replies(effects).size(), 1U);
    EXPECT_EQ(replies(effects)[0].id, 5U);
    status.on_peer_lost({"admin"});
    now += std::chrono::seconds(1);
    status.mark_changed();
    effects.clear();
    status.notify_subscribers(source(), out);
    EXPECT_TRUE(effects.empty());
}

TEST_F(SnStatusTest, RapidChangesAreSentTogether) {
    enrol("sl1");
    peers[{"admin"}] = {true, Role::tool, true, false, now, {}};
    SnStatus status(9);
    std::vector<Effect> effects;
    Outbox out(effects);
    status.on_query({"admin"}, {5, "round", "default", true}, source(), out);
    effects.clear();
    for (int i = 0; i < 10; ++i) {
        now += std::chrono::nanoseconds(10);
        status.mark_changed();
        status.notify_subscribers(source(), out);
    }
    EXPECT_TRUE(replies(effects).empty());
    ASSERT_FALSE(effects.empty());
    const auto& timer = std::get<SetTimer>(effects.back());
    EXPECT_EQ(timer.timer, 9U);
    now = timer.at;
    effects.clear();
    status.notify_subscribers(source(), out);
    EXPECT_EQ(replies(effects).size(), 1U);
    effects.clear();
    status.notify_subscribers(source(), out);
    EXPECT_TRUE(effects.empty());
}

TEST_F(SnStatusTest, APeerHasAFewSubscriptionsAtMost) {
    peers[{"admin"}] = {true, Role::tool, true, false, now, {}};
    SnStatus status(9);
    std::vector<Effect> effects;
    Outbox out(effects);
    for (std::uint32_t i = 0; i <= SnStatus::followed_max; ++i) {
        status.on_query({"admin"}, {i, "version", "", true}, source(), out);
    }
    EXPECT_EQ(replies(effects).back().code, Errc::refused);
    status.on_query({"admin"}, {0, "version", "", true}, source(), out);
    EXPECT_EQ(replies(effects).back().code, Errc::ok) << "the same query again";
    now += std::chrono::seconds(1);
    status.mark_changed();
    effects.clear();
    status.notify_subscribers(source(), out);
    EXPECT_EQ(replies(effects).size(), SnStatus::followed_max);
}

TEST(SnNodeStatus, OnlyAToolGetsAnswers) {
    SnNodeOptions options;
    options.id = {"sn1"};
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
    options.verifier = make_memory_verifier(openssl_hasher());
    const auto node = make_sn_node(options, openssl_hasher());
    std::vector<Effect> effects;
    node->step(from_ns(1), Started{}, effects);
    node->step(from_ns(2), PeerUp{{"sl1"}, Role::sl, {}}, effects);
    node->step(from_ns(3), PeerUp{{"admin"}, Role::tool, {}}, effects);
    const auto ask = [&](const char* peer) {
        effects.clear();
        node->step(from_ns(4), FrameReceived{{peer}, {StatusQuery{3, "nodes", "", false}, {}}},
                   effects);
        return replies(effects).at(0);
    };
    EXPECT_EQ(ask("sl1").code, Errc::refused);
    EXPECT_EQ(ask("admin").code, Errc::ok);
}

}  // namespace
}  // namespace starling::test
