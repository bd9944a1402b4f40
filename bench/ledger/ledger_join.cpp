#include "bench/ledger/ledger_join.hpp"

#include <chrono>
#include <cstdio>
#include <deque>
#include <string>

#include "core/base/json_writer.hpp"
#include "core/sn/sn_node.hpp"
#include "core/wire/codec.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"
#include "transport/node_runner.hpp"

namespace starling::bench {
namespace {

constexpr std::uint64_t snapshot_interval = 100'000;
constexpr std::size_t together_max = 32;  ///< as in run_node()

/// Real time, from which waiting is left out.
class BusyClock {
public:
    SwarmTime now() const {
        return from_ns(std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::steady_clock::now() - begin_)
                           .count()) +
               skipped_;
    }
    double busy_seconds() const {
        return std::chrono::duration<double>(now() - from_ns(0) - skipped_).count();
    }
    double seconds() const { return std::chrono::duration<double>(now() - from_ns(0)).count(); }
    void skip_to(SwarmTime time) { skipped_ += std::max(SwarmDuration{0}, time - now()); }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    SwarmDuration skipped_{0};
};

class NoWork final : public WorkExecutor {
public:
    void start(std::uint64_t, Work) override {}
};

/// Notes what the joining SN reports.
class Milestones final : public TraceSink {
public:
    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        const double at = std::chrono::duration<double>(time - from_ns(0)).count();
        if (node == NodeId{"sn2"} && event.name == "ledger_state_taken") {
            state_taken = at;
        }
    }
    double state_taken = 0;
};

/// One of the two SNs, and its end of the connection.
class Side final : public Endpoint {
public:
    Side(const BusyClock& clock, const Address& own) : clock_(clock), own_(own) {}

    SwarmTime now() const override { return clock_.now(); }
    void connect(const Address&, Role) override {
        if (!std::exchange(connected_, true)) {
            inputs.push_back(PeerUp{peer->id, Role::sn, peer->own_, 1, {}});
            peer->connected_ = true;
            peer->inputs.push_back(PeerUp{id, Role::sn, {}, 1, {}});
        }
    }
    void send(const NodeId&, Frame frame, SendGroup) override {
        sent_bytes += encoded_size(frame);
        peer->inputs.push_back(FrameReceived{id, std::move(frame)});
    }
    void cancel_sends(SendGroup, const std::optional<NodeId>&) override {}
    Arrivals arrivals() const override { return {}; }

    /// Handles what has come. \return  whether there was anything
    bool run() {
        runner->wake();
        if (inputs.empty()) {
            return false;
        }
        std::vector<Input> some;
        while (!inputs.empty() && some.size() < together_max) {
            some.push_back(std::move(inputs.front()));
            inputs.pop_front();
        }
        runner->handle_together(some);
        if (store->needs_maintenance() && inputs.empty()) {
            runner->maintain_store();
        }
        return true;
    }

    NodeId id;
    Side* peer = nullptr;
    std::deque<Input> inputs;
    std::uint64_t sent_bytes = 0;
    SqliteStore* store = nullptr;
    std::unique_ptr<Node> node;
    std::unique_ptr<NodeRunner> runner;

private:
    const BusyClock& clock_;
    Address own_;
    bool connected_ = false;
};

void make_node(Side& side, int number, SqliteStore::Opened& opened, bool takes_state) {
    SnNodeOptions options;
    options.id = side.id = {"sn" + std::to_string(number)};
    options.peer_address = {"10.0.1." + std::to_string(number), 30304};
    options.session = options.number = options.seed = static_cast<std::uint64_t>(number);
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
    options.verifier = make_memory_verifier(openssl_hasher());
    if (number > 1) {
        options.sentinel = Address{"10.0.1.1", 30304};
    }
    options.log = std::move(opened.log);
    side.store = opened.store.get();
    options.memory.snapshot_interval = snapshot_interval;
    options.memory.archive = [&store = *side.store](std::uint64_t index) {
        return store.record(index);
    };
    if (takes_state) {
        options.memory.link = [&store = *side.store](std::uint64_t index) {
            return store.link(index);
        };
    }
    side.node = make_sn_node(std::move(options), openssl_hasher());
}

}  // namespace

Result<void> join(const std::filesystem::path& directory, bool takes_state) {
    // The SN that joins stays a member of the ledger that it has joined: that is a copy.
    const std::filesystem::path joined = directory / "joined";
    const std::filesystem::path leading = directory / "leading";
    for (const std::filesystem::path& fresh : {joined, leading}) {
        std::filesystem::remove_all(fresh);
        std::filesystem::create_directories(fresh);
    }
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        if (file.is_regular_file()) {
            std::filesystem::copy_file(file.path(), leading / file.path().filename());
        }
    }
    Result<SqliteStore::Opened> opened[2] = {
        SqliteStore::open(leading / "ledger.sqlite", openssl_hasher()),
        SqliteStore::open(joined / "ledger.sqlite", openssl_hasher())};
    for (const auto& one : opened) {
        if (!one) {
            return one.error();
        }
    }
    const std::uint64_t entries = opened[0]->log.last();
    NoWork work;
    Milestones milestones;
    BusyClock clock;
    Side leader(clock, {"10.0.1.1", 30304});
    Side joining(clock, {"10.0.1.2", 30304});
    leader.peer = &joining;
    joining.peer = &leader;
    make_node(leader, 1, *opened[0], takes_state);
    make_node(joining, 2, *opened[1], takes_state);
    for (Side* side : {&leader, &joining}) {
        side->runner = std::make_unique<NodeRunner>(
            *side->node, NodeServices{*side, side->store, work, milestones});
        side->runner->handle_together({Started{}});
    }
    double current = 0;  // when the joining SN has applied what the leader had at its start
    const auto is_done = [&] {
        current =
            current == 0 && joining.store->last_index() > entries + 1 ? clock.seconds() : current;
        return current > 0 && joining.store->link(0).has_value();
    };
    while (!is_done()) {
        const bool busy = leader.run() || joining.run();
        if (!busy && leader.inputs.empty() && joining.inputs.empty()) {
            const auto next = [](const Side& side) {
                return side.runner->deadline().value_or(SwarmTime::max());
            };
            clock.skip_to(std::min(next(leader), next(joining)));
        }
    }
    JsonWriter json;
    json.begin_object()
        .field("entries", entries)
        .field("state_s", milestones.state_taken)
        .field("current_s", current)
        .field("whole_s", clock.seconds())
        .field("busy_s", clock.busy_seconds())
        .field("sent_bytes", leader.sent_bytes)
        .end_object();
    std::printf("%s\n", json.take().c_str());
    return {};
}

}  // namespace starling::bench
