// The consensus of three SNs, message by message, without a network.
#include "core/raft/raft_consensus.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "core/base/overloaded.hpp"
#include "core/raft/host_rules.hpp"

namespace starling {
namespace {

class RaftConsensusTest : public testing::Test {
protected:
    struct Sn {
        std::unique_ptr<Consensus> consensus;
        DurableLog disk;
        std::uint64_t committed = 0;
    };
    struct Sent {
        NodeId from;
        NodeId to;
        ConsensusMessage message;
    };

    RaftConsensusTest() {
        for (const std::uint64_t number : {1U, 2U, 3U}) {
            start(number);
        }
        for (const std::uint64_t number : {2U, 3U}) {
            const NodeId id{"sn" + std::to_string(number)};
            ConsensusOutput output;
            EXPECT_TRUE(first().add_server(now, {id, {}, number, false}, output).has_value());
            perform(first_id, output);
            for (int i = 0; i < 100 && voters() < number; ++i) {
                pass(std::chrono::milliseconds(100));
            }
        }
        EXPECT_EQ(voters(), 3U);
        pass(std::chrono::milliseconds(500));
    }
    void start(std::uint64_t number, RaftOptions::PlantedFaults planted = {}) {
        const NodeId id{"sn" + std::to_string(number)};
        Sn& sn = sns[id];
        sn.consensus =
            make_raft_consensus({.self = id, .number = number, .seed = number, .planted = planted});
        std::optional<Server> founder;
        if (number == 1) {
            founder = Server{id, {}, number, true};
        }
        ConsensusOutput output;
        sn.consensus->start(now, sn.disk, founder, output);
        perform(id, output);
    }
    void propose(std::size_t records) {
        for (std::size_t i = 0; i < records; ++i) {
            ConsensusOutput output;
            ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
            perform(first_id, output);
            deliver();
        }
    }
    Consensus& first() { return *sns.at(first_id).consensus; }
    /// What sn3 answers to the leader's records if it lacks those up to `rejected`.
    ConsensusMessage rejection_by_third(std::uint64_t rejected) {
        ConsensusMessage rejection;
        rejection.kind = ConsensusKind::append_result;
        rejection.sender = 3;
        rejection.receiver = 1;
        rejection.term = first().term();
        rejection.capacity = 65535;
        rejection.rejected = rejected;
        rejection.log_index = rejected - 1;
        return rejection;
    }
    std::uint64_t voters() {
        const auto& servers = first().servers();
        return static_cast<std::uint64_t>(
            std::count_if(servers.begin(), servers.end(), [](const Server& s) { return s.voter; }));
    }
    void perform(const NodeId& id, ConsensusOutput& output) {
        for (ConsensusAction& action : output) {
            std::visit(Overloaded{[&](SaveVote& save) { sns.at(id).disk.vote = save.vote; },
                                  [&](AppendRecords& append) {
                                      auto& records = sns.at(id).disk.records;
                                      records.resize(append.first - 1);
                                      records.insert(records.end(), append.records.begin(),
                                                     append.records.end());
                                  },
                                  [&](SendConsensus& send) {
                                      records_sent[send.to] += send.message.records.size();
                                      const bool is_ack =
                                          send.message.kind == ConsensusKind::append_result;
                                      const bool is_lost =
                                          id == lost_on_the_way || send.to == lost_on_the_way;
                                      if (!is_lost && !(id == without_acks && is_ack)) {
                                          sent.push_back({id, send.to, std::move(send.message)});
                                      }
                                  },
                                  [&](Committed&) { ++sns.at(id).committed; }},
                       action);
        }
    }
    /// Delivers all messages in flight, except those to `held`.
    void deliver(const NodeId& held = {}) {
        std::deque<Sent> kept;
        while (!sent.empty()) {
            Sent next = std::move(sent.front());
            sent.pop_front();
            if (next.to == held) {
                kept.push_back(std::move(next));
                continue;
            }
            ConsensusOutput output;
            if (sns.count(next.to) > 0) {
                sns.at(next.to).consensus->receive(now, next.from, next.message, output);
                perform(next.to, output);
            }
        }
        sent = std::move(kept);
    }
    void pass(SwarmDuration time) {
        const SwarmTime end = now + time;
        while (now < end) {
            now += std::chrono::milliseconds(10);
            for (auto& [id, sn] : sns) {
                if (const auto due = sn.consensus->deadline(); due && *due <= now) {
                    ConsensusOutput output;
                    sn.consensus->tick(now, output);
                    perform(id, output);
                }
            }
            deliver();
        }
    }

    bool membership_counts_behind_a_command(RaftOptions::PlantedFaults planted);

    const NodeId first_id{"sn1"};
    SwarmTime now{};
    std::map<NodeId, Sn> sns;
    std::deque<Sent> sent;
    std::map<NodeId, std::size_t> records_sent;
    NodeId without_acks;     ///< it acknowledges no records, nor rejects any
    NodeId lost_on_the_way;  ///< nothing reaches this SN, and nothing comes from it
};

TEST_F(RaftConsensusTest, ASlowerFollowerLearnsTheCommitIndexAtOnce) {
    const NodeId slower{"sn3"};
    const std::uint64_t before = sns.at(slower).committed;
    ConsensusOutput output;
    ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
    perform(first_id, output);
    deliver(slower);
    EXPECT_EQ(sns.at(first_id).committed, before + 1) << "two of three have stored it";
    EXPECT_EQ(sns.at(NodeId{"sn2"}).committed, before + 1);
    EXPECT_EQ(sns.at(slower).committed, before);
    deliver();  // no time passes, so no heartbeat is sent
    EXPECT_EQ(sns.at(slower).committed, before + 1);
}

/// A voter may raise the term once in 30 s while there is a leader (rule R19), so a transfer to one
/// that has done so fails, and the leader would refuse entries meanwhile.
TEST_F(RaftConsensusTest, LeadershipIsTransferredToASuccessorThatMayRaiseTheTerm) {
    const auto leader = [&] {
        const auto found = std::find_if(
            sns.begin(), sns.end(), [](const auto& sn) { return sn.second.consensus->leads(); });
        return found == sns.end() ? NodeId{} : found->first;
    };
    const auto step_down = [&] {
        const NodeId before = leader();
        ConsensusOutput output;
        sns.at(before).consensus->step_down(now, output);
        perform(before, output);
        pass(std::chrono::milliseconds(100));
        return leader() != before;
    };
    int transfers = 0;
    while (transfers < 10 && step_down()) {
        ASSERT_NE(leader(), NodeId{}) << "after transfer " << transfers;
        ++transfers;
    }
    EXPECT_GE(transfers, 2);
    EXPECT_LE(transfers, 3) << "then both others have raised the term";
    ConsensusOutput output;
    ASSERT_TRUE(sns.at(leader()).consensus->propose(now, Bytes(1), output).has_value());
    perform(leader(), output);
    pass(term_raise_window + std::chrono::seconds(1));
    EXPECT_TRUE(step_down());
}

/// libraft lets a learner refuse its vote: two SNs that were killed before the second one learned
/// of its promotion to voter would never elect a leader again.
TEST_F(RaftConsensusTest, ALearnerThatMissedItsPromotionStillVotes) {
    for (const char* gone : {"sn2", "sn3"}) {
        ConsensusOutput output;
        ASSERT_TRUE(first().remove_server(now, NodeId{gone}, output).has_value());
        perform(first_id, output);
        pass(std::chrono::seconds(1));
    }
    sns.erase(NodeId{"sn2"});
    sns.erase(NodeId{"sn3"});
    ASSERT_TRUE(first().leads());
    start(4);
    const NodeId learner{"sn4"};
    ConsensusOutput output;
    ASSERT_TRUE(first().add_server(now, {learner, {}, 4, false}, output).has_value());
    perform(first_id, output);
    // Until the leader has promoted it to voter; the learner does not receive that record.
    for (int i = 0; i < 10'000 && voters() < 2; ++i) {
        ASSERT_FALSE(sent.empty() && i > 9'000) << "it was never promoted";
        if (sent.empty()) {
            now += std::chrono::milliseconds(10);
            for (auto& [id, sn] : sns) {
                ConsensusOutput ticked;
                sn.consensus->tick(now, ticked);
                perform(id, ticked);
            }
            continue;
        }
        Sent next = std::move(sent.front());
        sent.pop_front();
        ConsensusOutput received;
        sns.at(next.to).consensus->receive(now, next.from, next.message, received);
        perform(next.to, received);
    }
    ASSERT_EQ(voters(), 2U);
    ASSERT_LT(sns.at(learner).disk.records.size(), sns.at(first_id).disk.records.size());
    sent.clear();
    start(1);
    start(4);
    pass(std::chrono::seconds(10));
    EXPECT_TRUE(first().leads()) << "two SNs without a leader for ever";
    EXPECT_TRUE(sns.at(learner).disk.records == sns.at(first_id).disk.records);
}

/// sn3 gets a command followed by a membership in one append. \return  whether sn3, once it leads,
/// knows that the membership was committed, so that the next change can begin.
bool RaftConsensusTest::membership_counts_behind_a_command(RaftOptions::PlantedFaults planted) {
    const NodeId third{"sn3"};
    sns.at(third).committed = 0;
    start(3, planted);
    pass(std::chrono::milliseconds(500));
    ConsensusOutput output;
    EXPECT_TRUE(first().propose(now, Bytes(1), output).has_value());
    EXPECT_TRUE(first().add_server(now, {{"sn4"}, {}, 4, false}, output).has_value());
    perform(first_id, output);
    deliver(third);
    sent.clear();  // lost; resent to sn3 in one append
    pass(std::chrono::seconds(1));
    EXPECT_EQ(sns.at(third).committed, sns.at(first_id).committed);
    // The leader transfers its leadership to sn3.
    ConsensusMessage timeout_now;
    timeout_now.kind = ConsensusKind::timeout_now;
    timeout_now.sender = 1;
    timeout_now.receiver = 3;
    timeout_now.term = first().term();
    timeout_now.log_index = sns.at(third).disk.records.size();
    timeout_now.log_term = first().term();
    sent.push_back({first_id, third, timeout_now});
    deliver();
    pass(std::chrono::milliseconds(500));
    Consensus& leader = *sns.at(third).consensus;
    EXPECT_TRUE(leader.leads());
    ConsensusOutput changed;
    return leader.remove_server(now, {"sn4"}, changed).has_value();
}

TEST_F(RaftConsensusTest, AMembershipThatFollowsACommandIsSentSeparately) {
    EXPECT_TRUE(membership_counts_behind_a_command({}));
}

/// Why rule R3 is needed: if this fails, libraft has been fixed.
TEST_F(RaftConsensusTest, OtherwiseLibraftNeverConsidersItCommitted) {
    EXPECT_FALSE(membership_counts_behind_a_command({.membership_behind_records = true}));
}

/// Rule R8: else the server with the newer term refuses the other one, which never learns that
/// term.
TEST_F(RaftConsensusTest, ALongerLogAndANewerTermElectALeader) {
    const NodeId longer{"sn2"};
    const NodeId newer{"sn3"};
    ConsensusOutput output;
    ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
    perform(first_id, output);
    deliver(newer);
    sent.clear();
    sns.erase(first_id);
    ASSERT_GT(sns.at(longer).disk.records.size(), sns.at(newer).disk.records.size());
    sns.at(newer).disk.vote.term += 2;
    start(2);
    start(3);
    pass(std::chrono::seconds(10));
    EXPECT_TRUE(sns.at(longer).consensus->leads());
}

/// Rule R9: a rejection that sn3 sent before it accepted the record arrives late.
TEST_F(RaftConsensusTest, AReorderedRejectionDoesNotStallReplication) {
    const NodeId third{"sn3"};
    const std::uint64_t accepted = sns.at(third).disk.records.size();
    ConsensusOutput output;
    ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
    perform(first_id, output);
    deliver(third);
    sent.clear();  // the newest record does not reach sn3
    for (const std::uint64_t rejected : {accepted + 1, accepted}) {
        ConsensusOutput received;
        first().receive(now, third, rejection_by_third(rejected), received);
        received.clear();  // the answers are lost too
    }
    pass(std::chrono::seconds(5));
    EXPECT_EQ(sns.at(third).disk.records.size(), accepted + 1);
    EXPECT_EQ(sns.at(third).committed, sns.at(first_id).committed);
}

TEST_F(RaftConsensusTest, ARejectionIsAnsweredWithFewRecordsUntilSomeAreAccepted) {
    const NodeId third{"sn3"};
    const std::uint64_t accepted = sns.at(third).disk.records.size();
    for (int i = 0; i < 100; ++i) {
        ConsensusOutput output;
        ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
        perform(first_id, output);
        deliver(third);
        sent.clear();  // nothing reaches sn3
    }
    ConsensusOutput answers;
    ASSERT_TRUE(first().receive(now, third, rejection_by_third(accepted + 1), answers));
    std::size_t records = 0;
    for (const ConsensusAction& action : answers) {
        const auto* answer = std::get_if<SendConsensus>(&action);
        records += answer == nullptr ? 0 : answer->message.records.size();
    }
    EXPECT_GT(records, 0U);
    EXPECT_LE(records, 16U);
    perform(first_id, answers);
    pass(std::chrono::seconds(5));
    EXPECT_EQ(sns.at(third).disk.records.size(), accepted + 100);
}

/// libraft would send all of them with each heartbeat, ten times a second.
TEST_F(RaftConsensusTest, RecordsThatAreNotAcknowledgedAreRepeatedRarely) {
    const NodeId third{"sn3"};
    const std::size_t stored = sns.at(third).disk.records.size();
    for (const bool answers : {false, true}) {
        records_sent.clear();
        without_acks = third;
        propose(3000);
        deliver();
        for (int second = 0; second < 600; ++second) {
            pass(std::chrono::seconds(1));
            if (answers) {  // that it has no more records than before
                ConsensusMessage answer = rejection_by_third(0);
                answer.log_index = stored;
                ConsensusOutput output;
                first().receive(now, third, answer, output);
                perform(first_id, output);
                deliver();
            }
        }
        EXPECT_GT(records_sent[third], 10'000U);
        EXPECT_LT(records_sent[third], 150'000U) << "at most 1,024 of them every ten seconds";
    }
    without_acks = {};
    sns.at(third).disk.records.resize(stored);
    start(3);  // it has lost them, and answers again
    pass(std::chrono::seconds(2));
    EXPECT_EQ(sns.at(third).disk.records, sns.at(first_id).disk.records);
}

/// After a long time without the follower, too.
TEST_F(RaftConsensusTest, RecordsThatWereLostOnTheWayAreRepeatedAtTheNextHeartbeat) {
    const NodeId third{"sn3"};
    for (const SwarmDuration down : {SwarmDuration(0), SwarmDuration(std::chrono::minutes(5))}) {
        lost_on_the_way = third;
        propose(1);
        pass(down);
        lost_on_the_way = {};
        pass(std::chrono::milliseconds(350));
        EXPECT_EQ(sns.at(third).disk.records, sns.at(first_id).disk.records);
    }
}

/// libraft leaves the field unset there: what was on its stack was sent, and its receiver may have
/// dropped the answer for it.
TEST_F(RaftConsensusTest, ARejectionOfAnEarlierTermHasTheLastIndex) {
    const NodeId second{"sn2"};
    Consensus& follower = *sns.at(second).consensus;
    ConsensusMessage vote;
    vote.kind = ConsensusKind::request_vote;
    vote.sender = 3;
    vote.receiver = 2;
    vote.term = first().term() + 1;
    vote.log_index = 1;
    vote.log_term = 1;
    vote.disrupt_leader = true;
    ConsensusOutput output;
    ASSERT_TRUE(follower.receive(now, {"sn3"}, vote, output));
    perform(second, output);
    ASSERT_EQ(follower.term(), vote.term);
    ConsensusMessage append;
    append.sender = 1;
    append.receiver = 2;
    append.term = first().term();
    append.log_index = 1;
    append.log_term = 1;
    sent.clear();
    output.clear();
    ASSERT_TRUE(follower.receive(now, first_id, append, output));
    perform(second, output);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].message.kind, ConsensusKind::append_result);
    EXPECT_EQ(sent[0].message.term, vote.term);
    EXPECT_EQ(sent[0].message.log_index, sns.at(second).disk.records.size());
}

TEST_F(RaftConsensusTest, TheFirstElectionTimeoutAfterAStartIsHalved) {
    const NodeId third{"sn3"};
    now += std::chrono::seconds(1);
    start(3);
    Consensus& started = *sns.at(third).consensus;
    const SwarmDuration first = *started.deadline() - now;
    EXPECT_GE(first, std::chrono::milliseconds(250));
    EXPECT_LE(first, std::chrono::milliseconds(501));
    now = *started.deadline();
    ConsensusOutput output;
    started.tick(now, output);
    const SwarmDuration second = *started.deadline() - now;
    EXPECT_GE(second, std::chrono::milliseconds(499));
    EXPECT_LE(second, std::chrono::milliseconds(1001));
}

/// Rule R10: sn3 was briefly a candidate, and the answer arrives when it is a follower again, or
/// before its first candidacy.
TEST_F(RaftConsensusTest, APreVoteAnswerToAFormerCandidateChangesNoTerm) {
    const NodeId third{"sn3"};
    const auto answer = [&] {
        ConsensusMessage denied;
        denied.kind = ConsensusKind::request_vote_result;
        denied.version = 2;
        denied.sender = 1;
        denied.receiver = 3;
        denied.term = first().term() + 1;
        denied.pre_vote = true;
        ConsensusOutput output;
        sns.at(third).consensus->receive(now, first_id, denied, output);
        perform(third, output);
        EXPECT_EQ(sns.at(third).consensus->term(), first().term());
    };
    ASSERT_EQ(sns.at(third).consensus->leader(), first_id);
    answer();
    start(3);
    ASSERT_EQ(sns.at(third).consensus->leader(), std::nullopt);
    answer();
    pass(std::chrono::seconds(2));
    EXPECT_TRUE(first().leads());
}

}  // namespace
}  // namespace starling
