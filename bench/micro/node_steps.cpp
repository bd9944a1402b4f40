// What an SN does with entries and messages, without disk and network: the ledger's state machine,
// and the runner that executes a node's effects.
#include <benchmark/benchmark.h>

#include "core/ledger/ledger.hpp"
#include "transport/node_runner.hpp"

namespace starling::bench {
namespace {

/// A contract whose members go through one round after the other.
class Rounds {
public:
    explicit Rounds(int members) {
        ContractConfig config{.min_peers = static_cast<std::uint32_t>(members)};
        config.layout_bytes = 12;  // of "w F32 3"
        for (int i = 0; i < members; ++i) {
            // Names of one length, since reports are in the order of names.
            members_.push_back({"sl" + std::to_string(1000 + i)});
            submit(members_.back(), RegisterNode{Role::sl, {"10.0.0.1", 1}, {}});
            submit(members_.back(), Enrol{"default", config, "w F32 3\n", {}});
        }
    }

    /// Check-ins of all members, and the commit. \return whether the round was committed
    bool next() {
        CommitRound commit{.contract = "default", .round = round_, .reports = {}};
        for (const NodeId& member : members_) {
            submit(member, CheckInRound{"default", 0, round_, {}});
            commit.reports.push_back({member, {}, {}});
        }
        ++round_;
        return ledger_.apply({.signer = {"sn1"}, .command = std::move(commit)}, ++index_)
                   .answer.code == Errc::ok;
    }

private:
    void submit(const NodeId& member, Command command) {
        ledger_.apply({.signer = member,
                       .session = 1,
                       .sequence = ++sequences_[member],
                       .command = std::move(command)},
                      ++index_);
    }

    Ledger ledger_;
    std::vector<NodeId> members_;
    std::map<NodeId, std::uint64_t> sequences_;
    std::uint64_t index_ = 0;
    Round round_ = 0;
};

void apply_entries(benchmark::State& state) {
    Rounds rounds(static_cast<int>(state.range(0)));
    for (auto iteration : state) {
        if (!rounds.next()) {
            state.SkipWithError("the ledger has refused a commit");
            break;
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            (state.range(0) + 1));  // a check-in of each member, and the commit
}
BENCHMARK(apply_entries)->Name("ledger, entries of a round")->ArgName("members")->Arg(8)->Arg(64);

/// Answers each timer with a record for the disk and a message, as an SN does with a command.
class Scribe final : public Node {
public:
    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::sn; }
    void step(SwarmTime, const Input&, std::vector<Effect>& effects) override {
        effects.emplace_back(Persist{++written_, {Bytes(128)}});
        effects.emplace_back(Send{{"peer"}, {CommandResult{written_}, {}}});
    }

private:
    NodeId id_{"sn"};
    std::uint64_t written_ = 0;
};

/// Discards all effects: messages, records, work and trace events.
class NullServices final : public Endpoint, public Store, public WorkExecutor, public TraceSink {
public:
    SwarmTime now() const override { return {}; }
    void connect(const Address&, Role) override {}
    void cancel_sends(SendGroup, const std::optional<NodeId>&) override {}
    Arrivals arrivals() const override { return {}; }
    void send(const NodeId&, Frame frame, SendGroup) override {
        benchmark::DoNotOptimize(frame.message.index());
    }
    Result<void> append(std::uint64_t, std::span<const Bytes>) override { return {}; }
    Result<void> save_vote(const Vote&) override { return {}; }
    Result<void> write(std::span<const StoreWrite>) override { return {}; }
    void start(std::uint64_t, Work) override {}
    void report(SwarmTime, const NodeId&, const TraceEvent&) override {}
};

void run_inputs(benchmark::State& state) {
    NullServices services;
    Scribe node;
    NodeRunner runner(node, {services, &services, services, services});
    const std::vector<Input> inputs(static_cast<std::size_t>(state.range(0)), TimerDue{1});
    for (auto iteration : state) {
        runner.handle_together(inputs);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(run_inputs)
    ->Name("node runner, inputs handled together")
    ->ArgName("inputs")
    ->Arg(1)
    ->Arg(32);

}  // namespace
}  // namespace starling::bench
