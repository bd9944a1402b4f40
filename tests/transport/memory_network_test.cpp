// Faults that the memory network injects besides lost frames: crashes during a write, disks that
// fail or lie, clocks that differ, links that are cut in one direction.
#include "transport/memory/memory_network.hpp"

#include <gtest/gtest.h>

#include "tests/support/trace_recorder.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Bytes record(int value) { return Bytes(4, static_cast<std::byte>(value)); }

/// Writes a batch of records each time it is started, sends to its peer every second, and reports
/// what it receives.
class BatchWriter final : public Node {
public:
    BatchWriter(NodeId id, Address peer) : id_(std::move(id)), peer_(std::move(peer)) {}
    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::sn; }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        if (std::holds_alternative<Started>(input)) {
            effects.push_back(Persist{1, {record(1), record(2), record(3)}});
            effects.push_back(
                Report{TraceEvent("written").with("at", static_cast<std::uint64_t>(to_ns(now)))});
            if (!peer_.host.empty()) {
                effects.push_back(Connect{peer_, Role::sn});
            }
            effects.push_back(SetTimer{1, now + seconds(1)});
        } else if (const auto* up = std::get_if<PeerUp>(&input)) {
            up_ = up->peer;
        } else if (std::holds_alternative<TimerDue>(input)) {
            effects.push_back(
                Report{TraceEvent("tick").with("at", static_cast<std::uint64_t>(to_ns(now)))});
            if (up_) {
                effects.push_back(Send{*up_, {Heartbeat{}, {}}});
            }
            effects.push_back(SetTimer{1, now + seconds(1)});
        } else if (std::holds_alternative<FrameReceived>(input)) {
            effects.push_back(Report{TraceEvent("received")});
        }
    }

private:
    NodeId id_;
    Address peer_;
    std::optional<NodeId> up_;
};

class MemoryFaults : public testing::Test {
protected:
    NodeId add(const std::string& name, const std::string& peer = "") {
        MemoryNodeSpec spec;
        spec.make = [name, peer] {
            return std::make_unique<BatchWriter>(NodeId{name}, Address{peer, std::uint16_t{1}});
        };
        spec.host = name;
        spec.listen = {{name, 1}};
        spec.accepts = {Role::sn};
        spec.store = &stores_[name];
        stores_[name].duration = milliseconds(10);
        return network_.add(spec);
    }
    void run_for(SwarmDuration duration) {
        network_.run([] { return false; }, network_.now() + duration);
    }

    void run_until(SwarmDuration time) {
        network_.run([] { return false; }, SwarmTime{time});
    }

    TraceRecorder trace_;
    std::map<std::string, MemoryStore> stores_;
    MemoryNetwork network_{11, openssl_hasher(), trace_};
};

TEST_F(MemoryFaults, ACrashKeepsAnyPartOfAnUnfinishedWrite) {
    std::set<std::size_t> kept;
    const NodeId a = add("a");
    for (int i = 0; i < 100; ++i) {
        run_for(milliseconds(5));
        network_.crash(a);
        kept.insert(stores_["a"].log().records.size());
        stores_["a"].log() = {};
        network_.restart(a);
    }
    EXPECT_EQ(kept, (std::set<std::size_t>{0, 1, 2, 3}));
    EXPECT_TRUE(trace_.named("written").empty()) << "no write completes before it is durable";
}

TEST_F(MemoryFaults, AFinishedWriteSurvivesACrash) {
    const NodeId a = add("a");
    run_for(milliseconds(11));
    network_.crash(a);
    EXPECT_EQ(stores_["a"].log().records.size(), 3U);
    EXPECT_EQ(trace_.named("written").size(), 1U);
}

TEST_F(MemoryFaults, ADiskThatLiesLosesAFinishedWrite) {
    const NodeId a = add("a");
    stores_["a"].lost_writes = 1;
    run_for(milliseconds(11));
    network_.crash(a);
    EXPECT_TRUE(stores_["a"].log().records.empty());
}

TEST_F(MemoryFaults, RecordsReplacedByALostWriteComeBack) {
    MemoryStore store;
    store.lost_writes = 1;
    const std::vector<Bytes> first = {record(1), record(2)};
    const std::vector<Bytes> second = {record(3)};
    ASSERT_TRUE(store.append(1, first));
    ASSERT_TRUE(store.append(2, second));
    Random random(1);
    store.crash(false, random);
    EXPECT_EQ(store.log().records, first);
}

TEST_F(MemoryFaults, AttemptsOfARoundDoNotReplaceThePreviousRoundsModel) {
    MemoryStore store;
    for (const Attempt attempt : {0U, 1U, 2U}) {
        ASSERT_TRUE(
            store.keep({.model = {{"default", 0, attempt == 0 ? 10U : 11U, attempt}, {}, {}}}));
    }
    ASSERT_EQ(store.models->size(), 2U);
    EXPECT_EQ(store.models->front().key.round, 10U);
    EXPECT_EQ(store.models->back().key.attempt, 2U);
}

TEST_F(MemoryFaults, ACrashLosesSegmentsThatNoModelWasKeptOf) {
    MemoryStore store;
    Random random(1);
    const Blob segment(record(1));
    const std::uint64_t bytes = segment.size();
    const KeptModel model{{"default", 0, 1, 0}, {}, {segment}};
    ASSERT_TRUE(store.write({1, model.key, bytes, {{0, segment}}}));
    store.crash(false, random);
    EXPECT_TRUE(store.models->empty());
    ASSERT_TRUE(store.write({1, model.key, bytes, {{0, segment}}}));
    ASSERT_TRUE(store.keep({model, 1, bytes}));
    store.crash(false, random);
    EXPECT_EQ(store.models->size(), 1U);
}

TEST_F(MemoryFaults, AFailedWriteStopsTheNodeWhichCanBeRestarted) {
    stores_["a"].fail_next_write = true;
    const NodeId a = add("a");
    run_for(milliseconds(20));
    ASSERT_TRUE(network_.stopped(a));
    EXPECT_EQ(network_.stopped(a)->exit_code, exit_code::failed);
    EXPECT_TRUE(stores_["a"].log().records.empty());
    network_.restart(a);
    run_for(milliseconds(20));
    EXPECT_FALSE(network_.stopped(a));
    EXPECT_EQ(stores_["a"].log().records.size(), 3U);
}

TEST_F(MemoryFaults, NodesHaveDifferentClocksButTheTraceHasOne) {
    const NodeId a = add("a");
    network_.crash(a);
    network_.set_clock(a, {seconds(100), 0.25});
    network_.restart(a);
    run_for(milliseconds(4100));
    const auto ticks = trace_.named("tick");
    ASSERT_EQ(ticks.size(), 5U);  // 4.1 s of the network are 5.125 s of this clock
    EXPECT_EQ(field(ticks[0], "at"), std::to_string(std::int64_t{101} * 1'000'000'000));
    EXPECT_EQ(ticks[0].time, SwarmTime{milliseconds(800)});
}

TEST_F(MemoryFaults, OneDirectionCanBeCut) {
    const NodeId a = add("a");
    const NodeId b = add("b", "a");
    run_until(milliseconds(1500));
    EXPECT_EQ(trace_.named("received", "a").size(), 1U);
    EXPECT_EQ(trace_.named("received", "b").size(), 1U);
    network_.mute(a, b);
    run_until(milliseconds(4500));
    EXPECT_EQ(trace_.named("received", "a").size(), 4U);
    EXPECT_EQ(trace_.named("received", "b").size(), 1U);
    network_.heal();
    run_until(milliseconds(5500));
    EXPECT_EQ(trace_.named("received", "b").size(), 2U);
}

}  // namespace
}  // namespace starling::test
