// What a malicious SN with a valid certificate can do to another SN.
#include <algorithm>
#include <array>
#include <string_view>

#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConsensusMessage message(ConsensusKind kind, std::uint64_t sender, std::uint64_t term) {
    ConsensusMessage msg;
    msg.kind = kind;
    msg.version = 2;
    msg.sender = sender;
    msg.receiver = 1;
    msg.term = term;
    return msg;
}

ConsensusMessage empty_append(std::uint64_t sender, std::uint64_t term) {
    ConsensusMessage msg = message(ConsensusKind::append, sender, term);
    msg.log_index = 1;
    msg.log_term = 1;
    msg.commit = 1;
    return msg;
}

/// libraft keeps the state of leader and follower in one union: an append accepted by a leader
/// would make it read a freed pointer.
TEST(HostileServer, AnAppendOfTheLeadersOwnTermIsIgnored) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    sn.frame({"sn2"}, MembershipRequest{server(2, false), false});
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    for (int i = 0; i < 50; ++i) {
        for (const std::uint64_t sender : {2U, 9U}) {
            const NodeId from{"sn" + std::to_string(sender)};
            sn.frame(from, empty_append(sender, 1));
            EXPECT_EQ(sn.last<ConsensusMessage>({"sn9"}), nullptr);
        }
        sn.pass(milliseconds(100));
    }
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::ok) << "it still leads";
}

TEST(HostileServer, TheLargestPossibleTermIsRejected) {
    for (const ConsensusKind kind :
         {ConsensusKind::append, ConsensusKind::request_vote, ConsensusKind::timeout_now}) {
        NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
        sn.step(PeerUp{{"sn2"}, Role::sn, {}});
        sn.step(PeerUp{{"sn3"}, Role::sn, {}});
        ConsensusMessage msg = empty_append(2, UINT64_MAX);
        msg.kind = kind;
        sn.frame({"sn2"}, msg);
        for (const Vote& vote : sn.votes) {
            EXPECT_LT(vote.term, 1000U);
        }
        sn.sent.clear();
        sn.pass(seconds(3));
        const auto* asks = sn.last<ConsensusMessage>({"sn3"});
        ASSERT_NE(asks, nullptr);
        EXPECT_EQ(asks->kind, ConsensusKind::request_vote);
        EXPECT_EQ(asks->term, 2U);
    }
}

/// Only the SN itself decides whether it keeps the ledger.
TEST(HostileServer, ANonMemberDeposesNoLeader) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    for (const ConsensusKind kind : {ConsensusKind::append, ConsensusKind::append_result,
                                     ConsensusKind::request_vote, ConsensusKind::timeout_now}) {
        ConsensusMessage msg = empty_append(9, 7);
        msg.kind = kind;
        msg.disrupt_leader = true;
        sn.frame({"sn9"}, msg);
    }
    EXPECT_EQ(sn.votes.back().term, 1U);
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::ok);
}

/// Sends SN 2's vote for the candidate.
void grant_vote(NodeBench& sn, const ConsensusMessage& asked) {
    ConsensusMessage vote = message(ConsensusKind::request_vote_result, 2, asked.term);
    vote.granted = true;
    vote.pre_vote = asked.pre_vote;
    sn.frame({"sn2"}, vote);
}

/// A leading SN writes an arbitrary time into an entry, and goes away.
TEST(HostileServer, TheLargestPossibleTimeDisablesNoDeadline) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2)}), openssl_hasher()));
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    ConsensusMessage msg = empty_append(2, 2);
    msg.commit = 2;
    msg.records = {encode_record(
        {2, 2, RecordKind::entry, encode_entry({INT64_MAX, {"sn2"}, 0, 0, ReadBarrier{}, {}})})};
    sn.frame({"sn2"}, msg);
    for (int i = 0; i < 40; ++i) {
        sn.pass(milliseconds(100));
        const auto* asks = sn.last<ConsensusMessage>({"sn2"});
        if (asks != nullptr && asks->kind == ConsensusKind::request_vote) {
            grant_vote(sn, *asks);
        }
    }
    ASSERT_EQ(sn.last<ConsensusMessage>({"sn2"})->kind, ConsensusKind::append) << "it leads";
}

/// Makes SN 1 of three the leader.
void elect(NodeBench& sn) {
    for (int i = 0; i < 40; ++i) {
        sn.pass(milliseconds(100));
        const auto* asks = sn.last<ConsensusMessage>({"sn2"});
        if (asks != nullptr && asks->kind == ConsensusKind::request_vote) {
            grant_vote(sn, *asks);
        } else if (asks != nullptr && asks->kind == ConsensusKind::append) {
            ConsensusMessage has = message(ConsensusKind::append_result, 2, asks->term);
            has.log_index = sn.records.size();
            sn.frame({"sn2"}, has);
        }
    }
    ASSERT_EQ(sn.last<ConsensusMessage>({"sn2"})->kind, ConsensusKind::append);
}

/// Without this, a partitioned leader would answer with stale data.
TEST(ReadIndex, AReadWaitsForAMajorityOfTheLeadersTerm) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    for (const char* name : {"sn2", "sn3"}) {
        sn.step(PeerUp{{name}, Role::sn, {}});
    }
    elect(sn);
    sn.step(PeerUp{{"swci1"}, Role::tool, {}});
    const std::size_t records = sn.records.size();
    sn.frame({"swci1"}, SubmitCommand{9, 1, ReadBarrier{}, {}});
    EXPECT_EQ(sn.last<CommandResult>({"swci1"}), nullptr);
    ASSERT_NE(sn.last<ReadIndex>({"sn2"}), nullptr);
    ReadIndex msg = *sn.last<ReadIndex>({"sn2"});
    EXPECT_EQ(msg.step, ReadIndex::Step::check);
    msg.step = ReadIndex::Step::confirm;
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    sn.frame({"sn9"}, msg);
    ++msg.term;
    sn.frame({"sn2"}, msg);
    --msg.term;
    ++msg.serial;
    sn.frame({"sn2"}, msg);
    --msg.serial;
    EXPECT_EQ(sn.last<CommandResult>({"swci1"}), nullptr) << "none of these confirmations counts";
    sn.frame({"sn2"}, msg);
    ASSERT_NE(sn.last<CommandResult>({"swci1"}), nullptr);
    EXPECT_EQ(sn.last<CommandResult>({"swci1"})->code, Errc::ok);
    EXPECT_EQ(sn.records.size(), records) << "a read is not logged";
}

TEST(ReadIndex, AFollowerAsksItsLeaderAndWaitsUntilItHasAppliedAsMuch) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    sn.frame({"sn2"}, empty_append(2, 2));
    sn.step(PeerUp{{"swci1"}, Role::tool, {}});
    sn.frame({"swci1"}, SubmitCommand{9, 1, ReadBarrier{}, {}});
    ASSERT_NE(sn.last<ReadIndex>({"sn2"}), nullptr);
    ReadIndex msg = *sn.last<ReadIndex>({"sn2"});
    EXPECT_EQ(msg.step, ReadIndex::Step::ask);
    msg.step = ReadIndex::Step::answer;
    msg.index = 2;
    sn.frame({"sn2"}, msg);
    EXPECT_EQ(sn.last<CommandResult>({"swci1"}), nullptr) << "it has applied 1 entry";
    ConsensusMessage append = empty_append(2, 2);
    append.commit = 2;
    append.records = {encode_record({2, 2, RecordKind::barrier, Bytes(8)})};
    sn.frame({"sn2"}, append);
    ASSERT_NE(sn.last<CommandResult>({"swci1"}), nullptr);
}

RemoveServer signed_removal(const NodeId& tool, const NodeId& node, std::uint64_t number) {
    const auto signer = make_memory_signer(openssl_hasher(), tool, 1);
    return {7,
            node,
            tool,
            number,
            signer->credentials(),
            signer->sign(removal_text(tool, node, number))};
}

TEST(HostileServer, AnSnCannotForgeAToolsRemoval) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    for (const char* name : {"sn2", "sn3"}) {
        sn.step(PeerUp{{name}, Role::sn, {}});
    }
    elect(sn);
    const std::size_t records = sn.records.size();
    const RemoveServer good = signed_removal({"swci1"}, {"sn3"}, 3);
    RemoveServer without_signature = good;
    without_signature.signature = {};
    RemoveServer of_another_node = signed_removal({"swci1"}, {"sn4"}, 3);
    of_another_node.node = {"sn3"};
    RemoveServer of_an_earlier_server = signed_removal({"swci1"}, {"sn3"}, 2);
    of_an_earlier_server.number = 3;
    RemoveServer of_another_tool = signed_removal({"swci9"}, {"sn3"}, 3);
    of_another_tool.by = {"swci1"};
    for (const RemoveServer& forged :
         {without_signature, of_another_node, of_an_earlier_server, of_another_tool}) {
        sn.frame({"sn2"}, forged);
        ASSERT_NE(sn.last<StatusReply>({"sn2"}), nullptr);
        EXPECT_EQ(sn.last<StatusReply>({"sn2"})->code, Errc::refused);
        EXPECT_EQ(sn.records.size(), records);
        sn.sent.clear();
    }
    sn.frame({"sn2"}, good);
    ASSERT_GT(sn.records.size(), records);
    const LogRecord record = *decode_record(records + 1, sn.records[records]);
    ASSERT_EQ(record.kind, RecordKind::membership);
    EXPECT_EQ(decode_membership(record.data)->size(), 2U);
}

/// The server was restarted with an empty disk after the tool had asked who keeps the ledger.
TEST(HostileServer, ARemovalOfAnEarlierServerNumberIsRefused) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    for (const char* name : {"sn2", "sn3"}) {
        sn.step(PeerUp{{name}, Role::sn, {}});
    }
    elect(sn);
    const std::size_t records = sn.records.size();
    for (const std::uint64_t number : {0U, 33U}) {
        sn.frame({"sn2"}, signed_removal({"swci1"}, {"sn3"}, number));
        EXPECT_EQ(sn.records.size(), records) << number;
    }
}

TEST(HostileServer, OneOtherSnCannotStopAMemberOfTheLedger) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    sn.frame({"sn2"}, empty_append(2, 2));
    for (const Errc code : {Errc::refused, Errc::too_large, Errc::io}) {
        sn.frame({"sn2"}, MembershipReply{code, "bye", {}, {}, {}});
        sn.frame({"sn9"}, MembershipReply{code, "bye", {}, {}, {}});
        EXPECT_FALSE(sn.stopped);
    }
    sn.frame({"sn9"}, MembershipReply{Errc::stale, "removed", {}, {}, {}});
    EXPECT_FALSE(sn.stopped) << "it does not keep this ledger";
    for (int i = 0; i < 700; ++i) {
        sn.pass(milliseconds(100));
        sn.frame({"sn2"}, empty_append(2, 2));
    }
    sn.frame({"sn3"}, MembershipReply{Errc::stale, "removed", {}, {}, {}});
    EXPECT_FALSE(sn.stopped) << "it has a leader";
}

/// Also in the minute after a start: else one of three could stop both others in turn.
TEST(HostileServer, OneOtherSnCannotStopAnSnThatHasJustStarted) {
    for (const bool both : {false, true}) {
        NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
        sn.step(PeerUp{{"sn2"}, Role::sn, {}});
        sn.step(PeerUp{{"sn3"}, Role::sn, {}});
        for (int i = 0; i < 5; ++i) {
            sn.frame({"sn3"}, MembershipReply{Errc::stale, "removed", {}, {}, {}});
        }
        EXPECT_FALSE(sn.stopped);
        if (both) {
            sn.frame({"sn2"}, MembershipReply{Errc::stale, "removed", {}, {}, {}});
            EXPECT_TRUE(sn.stopped) << "both others are a majority";
            continue;
        }
        sn.pass(seconds(70));
        EXPECT_FALSE(sn.stopped);
        sn.frame({"sn3"}, MembershipReply{Errc::stale, "removed", {}, {}, {}});
        EXPECT_TRUE(sn.stopped) << "without a leader it can't serve anyway";
    }
}

/// Else it would end while it is still a member: nobody votes in its place, and its operator may
/// delete its disk.
TEST(HostileServer, OneOtherSnCannotEndAnSnThatLeaves) {
    for (const Errc code : {Errc::ok, Errc::stale}) {
        SnNodeOptions options = sn_options({server(1), server(2), server(3)});
        options.leave = true;
        NodeBench sn(make_sn_node(options, openssl_hasher()));
        sn.step(PeerUp{{"sn2"}, Role::sn, {}});
        sn.step(PeerUp{{"sn3"}, Role::sn, {}});
        const MembershipReply member{Errc::ok, "", {server(1), server(2), server(3)}, {}, {}};
        const MembershipReply out{code, "it was removed", {}, {}, {}};
        for (int i = 0; i < 5; ++i) {
            sn.frame({"sn3"}, out);
            sn.frame({"sn2"}, member);
        }
        EXPECT_FALSE(sn.stopped);
        sn.frame({"sn3"}, member);
        sn.frame({"sn2"}, out);
        EXPECT_FALSE(sn.stopped) << "the other one does not say so any more";
        sn.frame({"sn3"}, out);
        ASSERT_TRUE(sn.stopped);
        EXPECT_EQ(sn.stopped->exit_code, exit_code::ok);
    }
}

/// The SN that rebuilt the ledger has signed this; it concerns only the SNs that it names.
TEST(HostileServer, ARebuildNeedsTheSignatureOfTheRebuilder) {
    const Author survivor("sn2");
    const Author liar("sn3");
    const auto proof_by = [&](const Author& author, const NodeId& signer, const NodeId& removed) {
        Entry entry{5, signer, 0, 0, RemoveServers{{removed}, signer.name, true, 9, 1}, {}};
        entry.signature = author.signer->sign(command_text(signer, 0, 0, entry.command));
        return RebuildProof{survivor.signer->credentials(), encode_entry(entry)};
    };
    const auto stops = [&](const RebuildProof& proof) {
        SnNodeOptions options = sn_options({server(1), server(2), server(3)});
        Entry entry{5,
                    survivor.id,
                    0,
                    0,
                    RegisterNode{Role::sn, server(2).address, survivor.signer->credentials()},
                    {}};
        entry.signature = survivor.signer->sign(command_text(survivor.id, 0, 0, entry.command));
        options.log.records.push_back(
            encode_record({0, 1, RecordKind::entry, encode_entry(entry)}));
        NodeBench sn(make_sn_node(options, openssl_hasher()));
        sn.step(PeerUp{{"sn2"}, Role::sn, {}});
        sn.step(PeerUp{{"sn3"}, Role::sn, {}});
        ConsensusMessage append = empty_append(2, 1);
        append.log_index = 2;
        append.commit = 2;
        sn.frame({"sn2"}, append);
        sn.frame({"sn3"}, MembershipReply{Errc::stale, "rebuilt", {}, {}, proof});
        return sn.stopped.has_value();
    };
    EXPECT_FALSE(stops(proof_by(liar, survivor.id, {"sn1"})));
    EXPECT_FALSE(stops(proof_by(liar, liar.id, {"sn1"}))) << "it is not registered";
    EXPECT_FALSE(stops(proof_by(survivor, survivor.id, {"sn9"})));
    EXPECT_FALSE(stops({survivor.signer->credentials(), Bytes(9)}));
    EXPECT_TRUE(stops(proof_by(survivor, survivor.id, {"sn1"})));
}

/// A joining SN accepts a refusal only from the leader that most SNs name.
TEST(HostileServer, ARefusalOfANonLeaderIsIgnored) {
    for (const bool leads : {false, true}) {
        SnNodeOptions options = sn_options();
        options.sentinel = server(2).address;
        options.id = {"sn1"};
        NodeBench sn(make_sn_node(options, openssl_hasher()));
        const std::vector<Server> servers{server(2), server(3), server(4)};
        sn.step(PeerUp{{"sn2"}, Role::sn, server(2).address});
        sn.frame({"sn2"},
                 MembershipReply{Errc::ok, "", servers, NodeId{leads ? "sn3" : "sn4"}, {}});
        sn.step(PeerUp{{"sn3"}, Role::sn, server(3).address});
        sn.frame({"sn3"}, MembershipReply{Errc::refused, "no", {server(3)}, NodeId{"sn3"}, {}});
        EXPECT_EQ(sn.stopped.has_value(), leads);
    }
}

/// A leader's answer to a command is not an entry: the SN that the node is connected to checks the
/// command itself.
TEST(HostileServer, AFalseRefusalOfTheLeaderIsNotForwarded) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    Author member("sl1");
    Author stranger("sl2");
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    sn.frame({"sn2"}, empty_append(2, 2));
    for (Author* author : {&member, &stranger}) {
        sn.step(PeerUp{author->id, Role::sl, {}});
    }
    sn.frame(member.id, member.registration());
    sn.frame(stranger.id, stranger.submit(Enrol{"c", tiny_contract(1), tiny_layout, {}}));
    for (const Author* author : {&member, &stranger}) {
        sn.frame({"sn2"},
                 RelayedResult{author->id, author->session, {1, Errc::refused, "no", 0, 0}});
    }
    EXPECT_EQ(sn.last<CommandResult>(member.id), nullptr);
    ASSERT_NE(sn.last<CommandResult>(stranger.id), nullptr) << "it is not registered";
    EXPECT_EQ(sn.last<CommandResult>(stranger.id)->code, Errc::refused);
    EXPECT_NE(sn.last<CommandResult>(stranger.id)->reason, "no");
}

/// Whether the last step reported this event.
bool last_step_reported(const NodeBench& sn, std::string_view name) {
    return std::any_of(sn.effects.begin(), sn.effects.end(), [&](const Effect& effect) {
        const auto* report = std::get_if<Report>(&effect);
        return report != nullptr && report->event.name == name;
    });
}

/// Sends SN 2's acknowledgement of all records.
void acknowledge(NodeBench& sn) {
    ConsensusMessage has =
        message(ConsensusKind::append_result, 2, sn.last<ConsensusMessage>({"sn2"})->term);
    has.log_index = sn.records.size();
    sn.frame({"sn2"}, has);
}

/// Each warning is written once a minute and node, whichever others there are about that node.
TEST(HostileServer, TheWarningsAboutShareAndRefusalDoNotHideEachOther) {
    NodeBench sn(make_sn_node(sn_options({server(1), server(2), server(3)}), openssl_hasher()));
    sn.step(PeerUp{{"sn2"}, Role::sn, {}});
    elect(sn);
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    acknowledge(sn);
    std::string layout;
    for (int i = 0; i < 10'000; ++i) {
        layout += std::to_string(i) + std::string(250, 'w') + " F32 1\n";
    }
    ContractConfig config = tiny_contract(1);
    config.layout_bytes = 40'000;
    const SwarmTime begin = sn.now;
    SubmitCommand command;
    bool put_off = false;
    for (int i = 0; i < 30 && !put_off; ++i) {
        command = member.submit(Enrol{"c", config, layout, std::uint32_t{7}});
        sn.frame(member.id, command);
        put_off = last_step_reported(sn, "command_put_off");
        acknowledge(sn);
    }
    ASSERT_TRUE(put_off);
    sn.frame({"sn2"}, empty_append(2, sn.votes.back().term + 1));  // SN 2 leads now
    const RelayedResult refused{
        member.id, member.session, {command.sequence, Errc::refused, "no", 0, 0}};
    sn.frame(member.id, command);
    sn.frame({"sn2"}, refused);
    EXPECT_TRUE(last_step_reported(sn, "refusal_not_shared"));
    sn.frame({"sn2"}, refused);
    EXPECT_FALSE(last_step_reported(sn, "refusal_not_shared")) << "once a minute";
    EXPECT_LT(sn.now - begin, std::chrono::minutes(1));
}

TEST(HostileServer, AnSnCanNeitherAddNorRemoveAnotherSn) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    for (const char* name : {"sn2", "sn9"}) {
        sn.step(PeerUp{{name}, Role::sn, {}});
    }
    sn.frame({"sn2"}, MembershipRequest{server(2), false});
    const std::size_t records = sn.records.size();
    for (const bool leave : {true, false}) {
        Server other = server(2);
        other.number = leave ? 2 : 77;  // as if it had lost its disk
        sn.frame({"sn9"}, MembershipRequest{other, leave});
        sn.frame({"sn9"}, MembershipRequest{server(5), leave});
    }
    EXPECT_EQ(sn.records.size(), records);
}

TEST(HostileServer, UnknownNamesTakeNoMemory) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    sn.step(PeerUp{{"swci1"}, Role::tool, {}});
    for (int i = 0; i < 5000; ++i) {
        sn.frame({"sn9"}, RelayedNews{{"sl" + std::to_string(i)}, true, {}});
    }
    Author member("sl9999");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::ok);
    sn.sent.clear();
    sn.frame({"swci1"}, StatusQuery{1, "nodes", "", false});
    const auto reply = std::find_if(sn.sent.begin(), sn.sent.end(), [](const Send& send) {
        return std::holds_alternative<StatusReply>(send.frame.message);
    });
    ASSERT_NE(reply, sn.sent.end());
    const ByteView body = reply->frame.body.view();
    const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
    EXPECT_EQ(text.find("sl4500"), std::string_view::npos);
    EXPECT_NE(text.find("sl9999"), std::string_view::npos);
}

/// Two members of a round are connected here, and another SN tells of one of them.
TEST(HostileServer, WhatItTellsOfAMemberThatSpeaksHereIsIgnored) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    sn.step(PeerUp{{"swci1"}, Role::tool, {}});
    std::array<Author, 2> members{Author("sl1"), Author("sl2")};
    for (Author& member : members) {
        sn.step(PeerUp{member.id, Role::sl, {}});
        sn.frame(member.id, member.registration());
        sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
    }
    CheckIn metrics;
    metrics.weight = 1;
    for (Author& member : members) {
        sn.frame(member.id, member.submit(CheckInRound{"c", 0, 0, metrics}));
    }
    Heartbeat said{.contract = "c", .progress = {4, 16, "sl2"}};
    sn.frame(members[0].id, said);
    const auto shows = [&](const char* received) {
        sn.sent.clear();
        sn.frame({"swci1"}, StatusQuery{1, "round", "c", false});
        const auto reply = std::find_if(sn.sent.begin(), sn.sent.end(), [](const Send& send) {
            return std::holds_alternative<StatusReply>(send.frame.message);
        });
        const ByteView body = reply->frame.body.view();
        const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
        return text.find(std::string("\"received_bytes\": ") + received) != std::string_view::npos;
    };
    EXPECT_TRUE(shows("4,"));
    said.progress.received_bytes = 12;
    sn.frame({"sn9"}, RelayedNews{members[0].id, true, said});
    EXPECT_TRUE(shows("4,"));
    sn.pass(seconds(5));
    sn.frame({"sn9"}, RelayedNews{members[0].id, true, said});
    EXPECT_TRUE(shows("12,")) << "its connection here may be dead";
    said.progress.received_bytes = 13;
    sn.frame({"sn9"}, RelayedNews{members[0].id, true, said});
    EXPECT_TRUE(shows("13,")) << "it speaks there now";
    said.progress.received_bytes = 14;
    sn.frame(members[0].id, said);
    said.progress.received_bytes = 15;
    sn.frame({"sn9"}, RelayedNews{members[0].id, true, said});
    EXPECT_TRUE(shows("14,")) << "it speaks here again";
}

/// The commit index decides which entries are new: a non-member must not set it.
TEST(HostileServer, ANonMemberCannotSuppressViews) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    Author member("sl1");
    sn.step(PeerUp{{"sn9"}, Role::sn, {}});
    ConsensusMessage msg = empty_append(9, 3);
    msg.commit = 1'000'000;
    sn.frame({"sn9"}, msg);
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(1), tiny_layout, {}}));
    sn.frame(member.id, member.submit(CheckInRound{"c", 0, 0, {}}));
    EXPECT_NE(sn.last<ViewUpdate>(member.id), nullptr);
}

}  // namespace
}  // namespace starling::test
