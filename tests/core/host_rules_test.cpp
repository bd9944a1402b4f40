// What of other SNs' messages reaches libraft, rule by rule: it checks none of this itself.
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

/// Server 1 of three, in term 5, with four records of which two are agreed on. Server 3 learns.
class HostRules : public testing::Test {
protected:
    HostRules() {
        log.put({1, 1, RecordKind::membership, encode_membership(servers)});
        log.put(record(2, 2));
        log.put(record(3, 2));
        log.put(record(4, 4));
    }
    static ConsensusMessage message(ConsensusKind kind, std::uint64_t term = 5) {
        ConsensusMessage said;
        said.kind = kind;
        said.version = 2;
        said.sender = 2;
        said.receiver = 1;
        said.term = term;
        return said;
    }
    /// An append behind record `index`.
    ConsensusMessage append(std::uint64_t index, std::vector<Bytes> records = {}) const {
        ConsensusMessage said = message(ConsensusKind::append);
        said.log_index = index;
        said.log_term = log.term_of(index);
        said.records = std::move(records);
        return said;
    }
    bool passes(const ConsensusMessage& said, const NodeId& from = {"sn2"}) const {
        return broken_rule(here, from, said).empty();
    }
    std::string_view broken(const ConsensusMessage& said) const {
        return check_records(here, said).broken;
    }

    std::vector<Server> servers{server(1), server(2), server(3, false)};
    RaftLog log;
    RaftPosition here{
        .self = 1, .term = 5, .commit = 2, .leader = 2, .servers = servers, .log = log};
};

TEST_F(HostRules, LetPassWhatServersSay) {
    EXPECT_TRUE(passes(append(4)));
    EXPECT_TRUE(broken(append(4, {encode_record(record(5, 5))})).empty());
    EXPECT_TRUE(broken(append(3, {encode_record(record(4, 5))})).empty()) << "4 is not agreed on";
    ConsensusMessage vote = message(ConsensusKind::request_vote, 6);
    vote.log_index = 4;
    vote.log_term = 4;
    EXPECT_TRUE(passes(vote));
    here.leader = 1;
    here.leads = true;
    EXPECT_TRUE(passes(message(ConsensusKind::append_result)));
}

TEST_F(HostRules, ALeaderHearsNoOtherOfItsTerm) {
    here.leader = 1;
    here.leads = true;
    EXPECT_FALSE(passes(append(4)));
    ConsensusMessage later = append(4);
    later.term = 6;
    EXPECT_TRUE(passes(later));
}

TEST_F(HostRules, TermsDoNotJump) {
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
    EXPECT_FALSE(passes(vote)) << "a record of a later term than its own";
    vote.log_term = 0;
    EXPECT_FALSE(passes(vote));
    vote.log_term = 6;
    vote.log_index = std::uint64_t{1} << 63U;
    EXPECT_FALSE(passes(vote));
}

/// A voter that claims a later term again and again would end each leader's work.
TEST_F(HostRules, ALeaderIsNotEndedByOneSenderAgainAndAgain) {
    here.leader = 1;
    here.leads = true;
    const ConsensusMessage later = message(ConsensusKind::append_result, 6);
    EXPECT_TRUE(passes(later));
    here.raises = 1;
    EXPECT_FALSE(passes(later));
    EXPECT_TRUE(passes(message(ConsensusKind::append_result))) << "what it confirms is heard";
    ConsensusMessage vote = message(ConsensusKind::request_vote, 6);
    EXPECT_FALSE(passes(vote));
    vote.pre_vote = true;
    EXPECT_TRUE(passes(vote)) << "it changes no term";
    ConsensusMessage elected = append(4);
    elected.term = 6;
    EXPECT_TRUE(passes(elected));
    here.leads = false;
    here.leader = 0;
    vote.pre_vote = false;
    EXPECT_TRUE(passes(vote)) << "without a leader there are elections";
    here.raises = 20;
    EXPECT_FALSE(passes(vote));
}

TEST_F(HostRules, WhoIsOutsideOrLearnsDoesNotLead) {
    ConsensusMessage said = append(4);
    said.term = 6;
    said.sender = 9;
    EXPECT_FALSE(passes(said, {"sn9"}));
    said.sender = 3;
    EXPECT_FALSE(passes(said, {"sn3"}));
    said.sender = 2;
    EXPECT_FALSE(passes(said, {"sn3"})) << "the number of another";
    here.leader = 0;
    said.sender = 9;
    EXPECT_TRUE(passes(said, {"sn9"})) << "this log may be older than its membership";
    said.kind = ConsensusKind::append_result;
    EXPECT_FALSE(passes(said, {"sn9"}));
}

TEST_F(HostRules, WhatIsAgreedOnIsNotReplaced) {
    ConsensusMessage said = append(2);
    said.log_term = 1;
    EXPECT_FALSE(broken(said).empty());
    EXPECT_FALSE(broken(append(1, {encode_record(record(2, 4))})).empty());
    here.commit = 0;
    EXPECT_FALSE(broken(append(0, {membership(2, servers)})).empty()) << "the first is the same";
}

TEST_F(HostRules, RecordsOfAnAppendFollowEachOther) {
    EXPECT_FALSE(broken(append(4, {encode_record(record(5, 3))})).empty());
    EXPECT_FALSE(broken(append(4, {encode_record(record(5, 6))})).empty());
    EXPECT_FALSE(
        broken(append(4, {encode_record(record(5, 5)), encode_record(record(6, 4))})).empty());
    EXPECT_FALSE(broken(append(4, {Bytes(4)})).empty());
    EXPECT_FALSE(broken(append(4, {membership(5, {server(2, false)})})).empty())
        << "nobody would ever vote again";
    EXPECT_FALSE(broken(append(0, {encode_record(record(1, 1))})).empty());
}

TEST_F(HostRules, VotesAreForTheCandidateThatAsked) {
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
    EXPECT_TRUE(passes(vote)) << "so it hears of the newer term (rule R8)";
    vote.version = 1;
    EXPECT_FALSE(passes(vote));
    vote.version = 2;
    vote.sender = 3;
    EXPECT_FALSE(passes(vote, {"sn3"})) << "it learns";
}

TEST(CheckLog, TellsWhatLibraftCanNotStartWith) {
    DurableLog log;
    EXPECT_TRUE(check_log(log));
    log.vote = {1, 3, 0};
    log.records = {membership(1, {server(1)}), encode_record(record(2, 3))};
    EXPECT_TRUE(check_log(log));
    log.vote.term = 2;
    EXPECT_FALSE(check_log(log)) << "a term that it never heard of";
    log.vote.term = 3;
    log.records.push_back(encode_record(record(3, 2)));
    EXPECT_FALSE(check_log(log)) << "terms never fall";
    log.records = {encode_record(record(1, 1))};
    EXPECT_FALSE(check_log(log)) << "a log begins with a membership";
}

}  // namespace
}  // namespace starling::test
