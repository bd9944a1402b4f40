#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/node/node.hpp"
#include "core/sl/shared_rounds.hpp"
#include "sim/calibration.hpp"
#include "sim/deployment.hpp"
#include "sim/sim_network.hpp"
#include "sim/sim_worker.hpp"
#include "transport/memory/memory_store.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// The state machine of a plan.
///
/// \param start  number of this start of the node, from 1.
/// \param shared  by all nodes.
std::unique_ptr<Node> make_node(const SimNodePlan& plan, std::uint64_t start,
                                const MemoryStore* store, std::shared_ptr<SharedRounds> shared,
                                const Hasher& hasher);

/// A plan's addresses and the roles that may dial them.
SimPlace place_of(const SimNodePlan& plan);

/// One running node with its endpoint, worker and runner.
class SimNode final : public SimNetwork::Receiver {
public:
    /// Nodes by their numbers, in the order of their starts; nullptr: it is gone.
    using Started = std::vector<SimNode*>;
    struct World {
        SimEngine& engine;
        SimNetwork& network;
        SimMachines& machines;
        const Calibration& calibration;
        const Hasher& hasher;
        TraceSink& trace;
        Started& started;            ///< outlives all of them
        bool group_commits = false;  ///< see NodeServices
        /// A node has stopped; called from SimEngine::run(). It must not be destroyed inside this.
        std::function<void(const NodeId&, const Stop&)> on_stop;
    };
    /// \param world  outlives the node
    /// Errc::io: its name or an address is in use.
    static Result<std::unique_ptr<SimNode>> make(const World& world, const SimNodePlan& plan,
                                                 std::unique_ptr<Node> node, MemoryStore* store);
    SimNode(const SimNode&) = delete;
    SimNode& operator=(const SimNode&) = delete;
    ~SimNode();

    const World& world() const { return world_; }
    const NodeId& id() const { return node_->id(); }
    SimWorker& worker() { return *worker_; }
    /// Whether a write of its ledger is under way.
    bool writing() const { return runner_->writing(); }
    /// Passes the node an input and sets its timer. No effect after its stop.
    void handle(Input&& input) override;

private:
    SimNode(const World& world, std::unique_ptr<Node> node);
    void finish_step();
    void wake(std::uint32_t generation);

    const World& world_;
    std::unique_ptr<Node> node_;
    std::unique_ptr<SimWorker> worker_;
    std::unique_ptr<NodeRunner> runner_;
    std::uint32_t number_;                ///< in World::started
    std::uint32_t generation_ = 0;        ///< of the newest timer; older ones are ignored
    SwarmTime armed_ = SwarmTime::max();  ///< when the newest timer fires, if one will
    bool stop_reported_ = false;
};

}  // namespace starling
