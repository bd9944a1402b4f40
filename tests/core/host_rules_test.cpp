// Which messages of other SNs are passed to libraft, rule by rule: libraft checks none of this.
#include "core/raft/host_rules.hpp"

#include <gtest/gtest.h>

#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

LogRecord record(std::uint64_t index, std::uint64_t term) {
    return {index, term, RecordKind::entry, Bytes(3)};
}
Bytes membership(std::uint64_t term, const std::vector<Server>& servers) {
    return encode_record({0, term, RecordKind::membership, encode_membership(servers)});
}

/// Server 1 of three, in term 5, with four log records of which two are committed. Server 3 is a
/// learner.
class HostRules : public testing::Test {
protected:
    HostRules() {
        log.put({1, 1, RecordKind::membership, encode_membership(servers)});
        log.put(record(2, 2));
        log.put(record(3, 2));
        log.put(record(4, 4));
    }
    static ConsensusMessage message(ConsensusKind kind, std::uint64_t term = 5) {
        ConsensusMessage msg;
        msg.kind = kind;
        msg.version = 2;
        msg.sender = 2;
        msg.receiver = 1;
        msg.term = term;
        return msg;
    }
    /// An append that follows record `index`.
    ConsensusMessage append(std::uint64_t index, std::vector<Bytes> records = {}) const {
        ConsensusMessage msg = message(ConsensusKind::append);
        msg.log_index = index;
        msg.log_term = log.term_of(index);
        msg.records = std::move(records);
        return msg;
    }
    bool passes(const ConsensusMessage& msg, const NodeId& from = {"sn2"}) const {
        return broken_rule(here, from, msg).empty();
    }
    std::string_view broken(const ConsensusMessage& msg) const {
        return check_records(here, msg).broken;
    }

    std::vector<Server> servers{server(1), server(2), server(3, false)};
    RaftLog log;
    RaftPosition here{
        .self = 1, .term = 5, .commit = 2, .leader = 2, .servers = servers, .log = log};
};

TEST_F(HostRules, ValidMessagesPass) {
    EXPECT_TRUE(passes(append(4)));
    EXPECT_TRUE(broken(append(4, {encode_record(record(5, 5))})).empty());
    EXPECT_TRUE(broken(append(3, {encode_record(record(4, 5))})).empty())
        << "record 4 is not committed";
    ConsensusMessage vote = message(ConsensusKind::request_vote, 6);
    vote.log_index = 4;
    vote.log_term = 4;
    EXPECT_TRUE(passes(vote));
    here.leader = 1;
    here.leads = true;
    EXPECT_TRUE(passes(message(ConsensusKind::append_result)));
}

TEST_F(HostRules, ALeaderAcceptsNoAppendOfItsOwnTerm) {
    here.leader = 1;
    here.leads = true;
    EXPECT_FALSE(passes(append(4)));
    ConsensusMessage later = append(4);
    later.term = 6;
    EXPECT_TRUE(passes(later));
}

TEST_F(HostRules, TermsThatJumpAreRejected) {
    for (const ConsensusKind kind :
         {ConsensusKind::append, ConsensusKind::request_vote, ConsensusKind::timeout_now}) {
        EXPECT_FALSE(passes(message(kind, UINT64_MAX)));
        EXPECT_FALSE(passes(message(kind, std::uint64_t{1} << 40U)));
        EXPECT_TRUE(passes(message(kind, 100'000)));
        EXPECT_FALSE(passes(message(kind, 0)));
    }
    ConsensusMessage vote = message(ConsensusKind::request_vote, 6);
    vote.log_index = 9;
    vote.log_term = 7;
    EXPECT_FALSE(passes(vote)) << "its last log term is later than its own term";
    vote.log_term = 0;
    EXPECT_FALSE(passes(vote));
    vote.log_term = 6;
    vote.log_index = std::uint64_t{1} << 63U;
    EXPECT_FALSE(passes(vote));
}

/// A voter that claimed later terms repeatedly would depose every leader.
TEST_F(HostRules, OneSenderCannotDeposeALeaderRepeatedly) {
    here.leader = 1;
    here.leads = true;
    const ConsensusMessage later = message(ConsensusKind::append_result, 6);
    EXPECT_TRUE(passes(later));
    here.raises = 1;
    EXPECT_FALSE(passes(later));
    EXPECT_TRUE(passes(message(ConsensusKind::append_result)))
        << "its acknowledgements still count";
    ConsensusMessage vote = message(ConsensusKind::request_vote, 6);
    EXPECT_FALSE(passes(vote));
    vote.pre_vote = true;
    EXPECT_TRUE(passes(vote)) << "a pre-vote changes no term";
    ConsensusMessage elected = append(4);
    elected.term = 6;
    EXPECT_TRUE(passes(elected));
    here.leads = false;
    here.leader = 0;
    vote.pre_vote = false;
    EXPECT_TRUE(passes(vote)) << "without a leader, elections take place";
    here.raises = 20;
    EXPECT_FALSE(passes(vote));
}

TEST_F(HostRules, NonMembersAndLearnersCannotLead) {
    ConsensusMessage msg = append(4);
    msg.term = 6;
    msg.sender = 9;
    EXPECT_FALSE(passes(msg, {"sn9"}));
    msg.sender = 3;
    EXPECT_FALSE(passes(msg, {"sn3"}));
    msg.sender = 2;
    EXPECT_FALSE(passes(msg, {"sn3"})) << "the server number of another SN";
    here.leader = 0;
    msg.sender = 9;
    EXPECT_TRUE(passes(msg, {"sn9"}))
        << "this log may be older than the membership that includes it";
    msg.kind = ConsensusKind::append_result;
    EXPECT_FALSE(passes(msg, {"sn9"}));
}

TEST_F(HostRules, CommittedRecordsAreNotOverwritten) {
    ConsensusMessage msg = append(2);
    msg.log_term = 1;
    EXPECT_FALSE(broken(msg).empty());
    EXPECT_FALSE(broken(append(1, {encode_record(record(2, 4))})).empty());
    here.commit = 0;
    EXPECT_FALSE(broken(append(0, {membership(2, servers)})).empty())
        << "the first record is the same everywhere";
}

TEST_F(HostRules, RecordsOfAnAppendAreConsecutive) {
    EXPECT_FALSE(broken(append(4, {encode_record(record(5, 3))})).empty());
    EXPECT_FALSE(broken(append(4, {encode_record(record(5, 6))})).empty());
    EXPECT_FALSE(
        broken(append(4, {encode_record(record(5, 5)), encode_record(record(6, 4))})).empty());
    EXPECT_FALSE(broken(append(4, {Bytes(4)})).empty());
    EXPECT_FALSE(broken(append(4, {membership(5, {server(2, false)})})).empty())
        << "a membership without voters";
    EXPECT_FALSE(broken(append(0, {encode_record(record(1, 1))})).empty());
}

TEST_F(HostRules, VotesCountOnlyForTheCurrentCandidacy) {
    ConsensusMessage vote = message(ConsensusKind::request_vote_result, 6);
    vote.granted = true;
    vote.pre_vote = true;
    EXPECT_FALSE(passes(vote)) << "it follows";
    here.leader = 0;
    here.candidate = true;
    here.pre_vote = true;
    EXPECT_TRUE(passes(vote));
    vote.term = 7;
    EXPECT_FALSE(passes(vote));
    vote.granted = false;
    EXPECT_TRUE(passes(vote)) << "so that it learns the newer term (rule R8)";
    vote.version = 1;
    EXPECT_FALSE(passes(vote));
    vote.version = 2;
    vote.sender = 3;
    EXPECT_FALSE(passes(vote, {"sn3"})) << "it learns";
}

TEST(CheckLog, RejectsLogsThatLibraftCannotLoad) {
    DurableLog log;
    EXPECT_TRUE(check_log(log));
    log.vote = {1, 3, 0};
    log.records = {membership(1, {server(1)}), encode_record(record(2, 3))};
    EXPECT_TRUE(check_log(log));
    log.vote.term = 2;
    EXPECT_FALSE(check_log(log)) << "a term later than the stored vote";
    log.vote.term = 3;
    log.records.push_back(encode_record(record(3, 2)));
    EXPECT_FALSE(check_log(log)) << "terms never decrease";
    log.records = {encode_record(record(1, 1))};
    EXPECT_FALSE(check_log(log)) << "a log begins with a membership";
}

}  // namespace
}  // namespace starling::test
