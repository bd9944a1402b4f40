// Group commit: inputs that arrived together share one write, and nothing is sent before it is
// durable.
#include "transport/node_runner.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

/// Writes one record for each frame and sends a reply; stops when asked to.
class Scribe final : public Node {
public:
    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::sn; }
    void step(SwarmTime, const Input& input, std::vector<Effect>& effects) override {
        if (std::holds_alternative<StopRequested>(input)) {
            effects.emplace_back(Stop{exit_code::ok, "asked to"});
        }
        if (makes_snapshot) {
            effects.emplace_back(PersistSnapshot{Bytes(1)});
            return;
        }
        if (logs) {
            effects.emplace_back(Report{TraceEvent("line").log(Level::info, "sn", "a line")});
        }
        effects.emplace_back(Persist{++written, {Bytes(1)}});
        effects.emplace_back(Send{{"peer"}, {CommandResult{written}, {}}});
    }
    std::uint64_t written = 0;
    bool makes_snapshot = false;
    bool logs = false;

private:
    NodeId id_{"sn"};
};

class Journal final : public Endpoint, public Store, public WorkExecutor, public TraceSink {
public:
    SwarmTime now() const override { return {}; }
    void connect(const Address&, Role) override {}
    void cancel_sends(SendGroup, const std::optional<NodeId>&) override {}
    Arrivals arrivals() const override { return {}; }
    void send(const NodeId&, Frame frame, SendGroup) override {
        lines.push_back("send " + std::to_string(std::get<CommandResult>(frame.message).sequence));
    }
    Result<void> append(std::uint64_t first, std::span<const Bytes>) override {
        lines.push_back("append " + std::to_string(first));
        return {};
    }
    Result<void> save_vote(const Vote&) override { return {}; }
    Result<void> save_snapshot(const Bytes&) override {
        lines.emplace_back("snapshot");
        return full ? Result<void>(Error{Errc::io, "file s: the disk is full"}) : Result<void>{};
    }
    Result<void> write(std::span<const StoreWrite> writes) override {
        lines.push_back("write " + std::to_string(writes.size()));
        return full ? Result<void>(Error{Errc::io, "file x: the disk is full"}) : Result<void>{};
    }
    void flush() override { lines.emplace_back("flush"); }
    void start(std::uint64_t, Work) override {}
    void report(SwarmTime, const NodeId&, const TraceEvent& event) override {
        lines.push_back(event.text);
    }
    bool full = false;
    std::vector<std::string> lines;
};

struct NodeRunnerTest : testing::Test {
    Journal journal;
    Scribe node;
    NodeRunner runner{node, {journal, &journal, journal, journal}};
    using Lines = std::vector<std::string>;
};

TEST_F(NodeRunnerTest, WritesABatchBeforeItSendsAnything) {
    runner.handle_together({TimerDue{1}, TimerDue{2}, TimerDue{3}});
    EXPECT_EQ(journal.lines, (Lines{"flush", "write 3", "send 1", "send 2", "send 3"}));
}

TEST_F(NodeRunnerTest, WritesWhatArrivesBeforeTheWriteWithIt) {
    int more = 2;
    runner.handle_together({TimerDue{1}}, [&] {
        return more-- > 0 ? std::optional<Input>(TimerDue{2}) : std::nullopt;
    });
    EXPECT_EQ(journal.lines, (Lines{"flush", "write 3", "send 1", "send 2", "send 3"}));
}

TEST_F(NodeRunnerTest, LogsWhatItDidAfterOthersWereTold) {
    node.logs = true;
    runner.handle_together({TimerDue{1}, TimerDue{2}});
    EXPECT_EQ(journal.lines,
              (Lines{"flush", "write 2", "send 1", "send 2", "flush", "a line", "a line"}));
}

TEST_F(NodeRunnerTest, SendsNothingAfterAFailedWrite) {
    journal.full = true;
    runner.handle_together({TimerDue{1}, TimerDue{2}});
    EXPECT_EQ(journal.lines, (Lines{"flush", "write 2", "file x: the disk is full"}));
    ASSERT_TRUE(runner.stopped().has_value());
    EXPECT_EQ(runner.stopped()->exit_code, exit_code::failed);
    runner.handle_together({TimerDue{3}});
    EXPECT_EQ(journal.lines.size(), 3U) << "a second try";
}

TEST_F(NodeRunnerTest, GoesOnWithoutASnapshotThatCannotBeWritten) {
    node.makes_snapshot = true;
    journal.full = true;
    runner.handle(TimerDue{1});
    ASSERT_EQ(journal.lines.size(), 3U);
    EXPECT_NE(journal.lines[2].find("No snapshot of the ledger was made: file s: the disk is full"),
              std::string::npos)
        << journal.lines[2];
    EXPECT_FALSE(runner.stopped().has_value());
    node.makes_snapshot = false;
    journal.full = false;
    runner.handle(TimerDue{2});
    EXPECT_EQ(journal.lines.back(), "send 1");
}

TEST_F(NodeRunnerTest, HandlesNoInputAfterItsStop) {
    runner.handle_together({TimerDue{1}, StopRequested{""}, TimerDue{2}});
    EXPECT_EQ(journal.lines, (Lines{"flush", "write 1", "send 1"}));
    EXPECT_EQ(node.written, 2U);
}

TEST_F(NodeRunnerTest, WithoutBatchesWritesAndSendsInTurn) {
    runner.handle(TimerDue{1});
    runner.handle(TimerDue{2});
    EXPECT_EQ(journal.lines, (Lines{"flush", "append 1", "send 1", "flush", "append 2", "send 2"}));
}

}  // namespace
}  // namespace starling
