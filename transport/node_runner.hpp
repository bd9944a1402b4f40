#pragma once

#include <functional>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/node/node.hpp"
#include "transport/endpoint.hpp"

namespace starling {

/// One durable write: records of the node's log, its vote, or the beginning of its log.
using StoreWrite = std::variant<Persist, PersistVote, BeginBehind, PersistOlder>;

/// Port: durable storage of a node's log and vote.
class Store {
public:
    virtual ~Store() = default;
    /// Replaces what the log holds from index `first` on. Durable, and all or nothing, when it
    /// returns. An error ends the node (ledger rule R6: fail-stop, no second try).
    virtual Result<void> append(std::uint64_t first, std::span<const Bytes> records) = 0;
    /// Same durability and failure semantics as append().
    virtual Result<void> save_vote(const Vote& vote) = 0;
    /// The log begins behind a snapshot: the records before are not there yet. Same durability and
    /// failure semantics as append(). \pre the log is empty
    virtual Result<void> begin_behind(const BeginBehind& begin);
    /// Adds the newest of the records that are missing. The same.
    virtual Result<void> append_older(const PersistOlder& older);
    /// Keeps a snapshot of the log that it has: see PersistSnapshot. Durable once it returns; if it
    /// fails, the earlier ones stay, and the store can be used on. A store may keep none: its node
    /// then applies all records at its start.
    virtual Result<void> save_snapshot(const Bytes& /*snapshot*/) { return {}; }
    /// Several writes in order; a store may make them one transaction.
    virtual Result<void> write(std::span<const StoreWrite> writes);
    /// Whether maintain() has something to do, such as a checkpoint of the WAL. It is then called
    /// when the node is idle.
    virtual bool needs_maintenance() const { return false; }
    /// An error ends the node, as one of append() does.
    virtual Result<void> maintain() { return {}; }
    /// Simulated time of a write; 0 where time is real.
    virtual SwarmDuration append_duration() const { return SwarmDuration{0}; }
};

/// Port: durable storage of an SL's merged parameters, from which it continues after a restart.
class ModelStore {
public:
    virtual ~ModelStore() = default;
    /// Segments of a model that keep() may follow for. Nothing is durable.
    virtual Result<void> write(const WriteWork& work) = 0;
    /// Durable when it returns; on failure the models kept before are intact. Keeps at least the
    /// two newest rounds, of each the newest attempt: a new attempt means that the one before was
    /// never committed, and then all resume from the round before.
    /// \return  the model's segments as the store reads them, for its node to hold in place of
    ///     those in memory; the store does not write over them while they are held. Empty: none.
    virtual Result<Segments> keep(const KeepWork& work) = 0;
};

/// Port: durable storage of a training program's state at its ML node.
class StateStore {
public:
    virtual ~StateStore() = default;
    /// Durable when it returns. What the slot held before is gone, also on failure.
    virtual Result<void> keep_state(std::uint32_t slot, const KeptState& state) = 0;
    /// Removes the states in both slots.
    virtual Result<void> remove_states() = 0;
};

/// Stores that work may write to; nullptr: results are not stored.
struct WorkStores {
    ModelStore* models = nullptr;  ///< of an SL
    StateStore* states = nullptr;  ///< of an ML node
};

/// Port: executes work, storage beside the rest (see is_storage()). The result returns to the same
/// node as WorkDone{work, result}.
class WorkExecutor {
public:
    virtual ~WorkExecutor() = default;
    virtual void start(std::uint64_t work, Work what) = 0;
};

/// Merges, hashes or stores; the same for every executor. \pre  not TrainWork, which executors run
/// themselves.
WorkResult run_work(const Work& work, const Hasher& hasher, WorkStores stores = {});
/// Bytes that the work reads or writes: the basis of its simulated cost.
std::uint64_t work_bytes(const Work& work);

struct NodeServices {
    Endpoint& endpoint;
    Store* store;  ///< nullptr for a node that keeps nothing
    WorkExecutor& work;
    TraceSink& trace;
    /// Inputs that have waited for a simulated write share the next one, as inputs do that have
    /// arrived together at a real node. False: each has a write of its own.
    bool group_commits = false;
};

/// Runs one node: hands it inputs, executes its effects in order, keeps its timers. The one place
/// where effects are executed; every network, simulated or real, calls it. References must outlive
/// it.
class NodeRunner {
public:
    NodeRunner(Node& node, NodeServices services) : node_(node), services_(services) {}

    /// While the node's disk is busy (simulated), inputs wait.
    void handle(Input&& input);
    /// Gives the next input that has arrived, if there is one.
    using NextInput = std::function<std::optional<Input>()>;

    /// Group commit: handles inputs that arrived together in order, with one write for all of them
    /// before any other effect is executed. `next` is asked for those that have come meanwhile.
    /// \pre  the store takes no simulated time.
    void handle_together(const std::vector<Input>& inputs, const NextInput& next = {});
    /// Calls Store::maintain(). \pre  there is a store.
    void maintain_store();
    /// Fires what is due at endpoint.now(): timers, and effects that waited for the disk.
    void wake();
    /// Call wake() no later than this.
    std::optional<SwarmTime> deadline() const;
    /// Set once the node has stopped; it takes no further input.
    const HeapOptional<Stop>& stopped() const { return stopped_; }
    const NodeId& id() const { return node_.id(); }
    /// Whether a write to the store is under way (simulated).
    bool writing() const { return busy(); }

private:
    void step(const Input& input);
    void step_node(const Input& input, bool at_once);
    void step_together(const std::vector<Input>& inputs, const NextInput& next = {});
    bool takes_more(std::size_t handled) const;
    void write_waiting();
    void execute_waiting();
    void handle_waiting();
    void execute(Effect& effect);
    Store& store();
    void after_write(const Result<void>& kept);
    void after_snapshot(const Result<void>& kept);
    void wait_for_store();
    void set_timer(std::uint32_t timer, SwarmTime at);
    bool cancel_timer(std::uint32_t timer);
    bool busy() const;

    Node& node_;
    NodeServices services_;
    std::vector<std::pair<std::uint32_t, SwarmTime>> timers_;  ///< a few, ascending by number
    /// What is handled later. Lists: an empty deque would take as much memory as an effect.
    struct Waiting {
        std::list<Effect> effects;  ///< not executed yet, in order
        std::list<Input> inputs;    ///< handled after all of `effects`
    };
    /// \return  of `waiting_`
    std::list<Effect>& waiting_effects() { return waiting_.get_or_make().effects; }
    std::list<Input>& waiting_inputs() { return waiting_.get_or_make().inputs; }
    bool no_effect_waits() const { return !waiting_ || waiting_->effects.empty(); }
    bool no_input_waits() const { return !waiting_ || waiting_->inputs.empty(); }
    bool stop_waits() const;
    void forget_waiting();

    HeapOptional<Waiting> waiting_;
    std::optional<SwarmTime> busy_until_;  ///< end of a simulated write
    HeapOptional<Stop> stopped_;
    SwarmTime now_{};  ///< of the last step; never decreases
};

/// Runs a node on an endpoint of its own until it stops; then closes the endpoint.
/// \return  the exit code of the node's Stop.
int run_node(Node& node, PolledEndpoint& endpoint, Store* store, WorkExecutor& work,
             TraceSink& trace);

}  // namespace starling
