// Linearizable reads without ledger entries, against a consensus whose answers the test sets.
#include "core/sn/read_index.hpp"

#include <gtest/gtest.h>

#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

/// A consensus whose state is set by the test.
struct SetConsensus final : Consensus {
    void start(SwarmTime, DurableLog, std::optional<Server>, ConsensusOutput&) override {}
    bool receive(SwarmTime, const NodeId&, const ConsensusMessage&, ConsensusOutput&) override {
        return false;
    }
    Result<void> propose(SwarmTime, Bytes, ConsensusOutput&) override { return {}; }
    Result<void> add_server(SwarmTime, const Server&, ConsensusOutput&) override { return {}; }
    Result<void> remove_server(SwarmTime, const NodeId&, ConsensusOutput&) override { return {}; }
    void forget(std::uint64_t) override {}
    void step_down(SwarmTime, ConsensusOutput&) override {}
    std::optional<SwarmTime> deadline() const override { return std::nullopt; }
    void tick(SwarmTime, ConsensusOutput&) override {}
    bool leads() const override { return leader_node == NodeId{"sn1"}; }
    std::optional<std::uint64_t> read_index() const override { return index; }
    std::optional<NodeId> leader() const override { return leader_node; }
    std::uint64_t term() const override { return current_term; }
    const std::vector<Server>& servers() const override { return members; }

    std::optional<NodeId> leader_node;
    std::uint64_t current_term = 3;
    std::uint64_t index = 9;
    std::vector<Server> members = {server(1), server(2), server(3)};
};

class ReadIndexesTest : public testing::Test {
protected:
    ReadIndexesTest() { consensus_.leader_node = NodeId{"sn1"}; }

    /// A client's read arrives.
    void read(const char* client, std::uint64_t sequence) {
        reads_.take({client}, {1, sequence, ReadBarrier{}, {}});
    }
    void request() {
        effects_.clear();
        reads_.request(consensus_, out_);
    }
    void receive(const char* from, ReadIndex message) {
        effects_.clear();
        reads_.on_message({from}, message, consensus_, out_);
    }
    /// Sequences of the reads that are answered once this much is applied.
    std::vector<std::uint64_t> answered(std::uint64_t applied) {
        effects_.clear();
        reads_.answer(applied, out_);
        std::vector<std::uint64_t> sequences;
        for (const Effect& effect : effects_) {
            sequences.push_back(
                std::get<CommandResult>(std::get<Send>(effect).frame.message).sequence);
        }
        return sequences;
    }
    /// The message of this step that was sent to `to`.
    std::optional<ReadIndex> sent(const char* to, ReadIndex::Step step) const {
        for (const Effect& effect : effects_) {
            const auto& send = std::get<Send>(effect);
            const auto* message = std::get_if<ReadIndex>(&send.frame.message);
            if (send.to == NodeId{to} && message != nullptr && message->step == step) {
                return *message;
            }
        }
        return std::nullopt;
    }

    SetConsensus consensus_;
    std::vector<Effect> effects_;
    Outbox out_{effects_};
    ReadIndexes reads_{NodeId{"sn1"}};
};

using Sequences = std::vector<std::uint64_t>;

TEST_F(ReadIndexesTest, TheLeaderAnswersOnceAMajorityConfirmsItsTermAndTheIndexIsApplied) {
    read("tool", 5);
    request();
    const auto check = sent("sn2", ReadIndex::Step::check);
    ASSERT_TRUE(check && sent("sn3", ReadIndex::Step::check));
    EXPECT_EQ(answered(100), Sequences{}) << "not confirmed yet";
    receive("sn2", {ReadIndex::Step::confirm, check->serial, 3, 0});
    EXPECT_EQ(answered(8), Sequences{});
    EXPECT_EQ(answered(9), Sequences{5});
    EXPECT_EQ(answered(9), Sequences{}) << "once";
}

TEST_F(ReadIndexesTest, TheOnlyServerNeedsNoConfirmation) {
    consensus_.members = {server(1)};
    read("tool", 5);
    request();
    EXPECT_TRUE(effects_.empty());
    EXPECT_EQ(answered(9), Sequences{5});
}

TEST_F(ReadIndexesTest, AConfirmationOfAnotherTermOrRoundDoesNotCount) {
    read("tool", 5);
    request();
    const std::uint64_t serial = sent("sn2", ReadIndex::Step::check)->serial;
    receive("sn2", {ReadIndex::Step::confirm, serial, 2, 0});
    receive("sn2", {ReadIndex::Step::confirm, serial + 1, 3, 0});
    EXPECT_EQ(answered(9), Sequences{});
    consensus_.current_term = 4;
    receive("sn2", {ReadIndex::Step::confirm, serial, 3, 0});
    EXPECT_EQ(answered(9), Sequences{}) << "the round was of an earlier term";
}

TEST_F(ReadIndexesTest, AReadThatArrivesDuringARoundWaitsForTheNext) {
    read("tool", 5);
    request();
    const std::uint64_t first = sent("sn2", ReadIndex::Step::check)->serial;
    read("other", 6);
    request();
    EXPECT_EQ(sent("sn2", ReadIndex::Step::check)->serial, first) << "one round at a time";
    receive("sn2", {ReadIndex::Step::confirm, first, 3, 0});
    const auto next = sent("sn2", ReadIndex::Step::check);
    ASSERT_TRUE(next);
    EXPECT_GT(next->serial, first);
    EXPECT_EQ(answered(9), Sequences{5});
    receive("sn3", {ReadIndex::Step::confirm, next->serial, 3, 0});
    EXPECT_EQ(answered(9), Sequences{6});
}

TEST_F(ReadIndexesTest, AFollowerTakesTheIndexFromItsLeaderOnly) {
    consensus_.leader_node = NodeId{"sn2"};
    read("tool", 5);
    request();
    const auto ask = sent("sn2", ReadIndex::Step::ask);
    ASSERT_TRUE(ask);
    receive("sn3", {ReadIndex::Step::answer, ask->serial, 3, 4});
    EXPECT_EQ(answered(9), Sequences{});
    receive("sn2", {ReadIndex::Step::answer, ask->serial, 3, 4});
    EXPECT_EQ(answered(3), Sequences{});
    EXPECT_EQ(answered(4), Sequences{5});
}

TEST_F(ReadIndexesTest, TheLeaderSendsAFollowerTheIndexOfItsRead) {
    receive("sn3", {ReadIndex::Step::ask, 7, 3, 0});
    const auto check = sent("sn2", ReadIndex::Step::check);
    ASSERT_TRUE(check);
    receive("sn2", {ReadIndex::Step::confirm, check->serial, 3, 0});
    const auto answer = sent("sn3", ReadIndex::Step::answer);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->serial, 7U);
    EXPECT_EQ(answer->index, 9U);
}

TEST_F(ReadIndexesTest, AVoterConfirmsItsOwnTermOnly) {
    consensus_.leader_node = NodeId{"sn2"};
    receive("sn2", {ReadIndex::Step::check, 1, 3, 0});
    EXPECT_TRUE(sent("sn2", ReadIndex::Step::confirm));
    receive("sn2", {ReadIndex::Step::check, 1, 2, 0});
    EXPECT_TRUE(effects_.empty());
    consensus_.leader_node = NodeId{"sn1"};
    receive("sn2", {ReadIndex::Step::check, 1, 3, 0});
    EXPECT_TRUE(effects_.empty()) << "it leads this term itself";
}

TEST_F(ReadIndexesTest, ANewerReadReplacesThePreviousOneAndALostNodeIsForgotten) {
    consensus_.members = {server(1)};
    read("tool", 5);
    read("tool", 6);
    read("lost", 7);
    reads_.forget({"lost"});
    request();
    EXPECT_EQ(answered(9), Sequences{6});
}

}  // namespace
}  // namespace starling::test
