#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/by_node.hpp"
#include "sim/fault_effects.hpp"
#include "sim/link_log.hpp"
#include "sim/program_pool.hpp"
#include "sim/round_watch.hpp"
#include "sim/route_check.hpp"
#include "sim/sim_node.hpp"
#include "sim/simulation.hpp"

namespace starling {

/// What a simulation is made of; for the files simulation*.cpp only.
///
/// Invariant: a SimNode is never destroyed while its own code is on the stack (stopped_nodes).
struct Simulation::Impl {
    /// SNs and licence servers run until stopped by an operator.
    static bool is_daemon(Role role) { return role == Role::sn || role == Role::apls; }

    /// A node of the deployment over all its starts.
    struct Deployed {
        SimNodePlan plan;
        std::unique_ptr<MemoryStore> store;  ///< survives restarts of the node
        std::unique_ptr<SimNode> node;       ///< null: not running
        std::uint32_t starts = 0;
        std::uint32_t starts_without_round = 0;  ///< since a program last got a round
        std::uint64_t results_seen = 0;          ///< RunningNodes::results at its newest start
        NodeEnding outcome;

        static const NodeId& id_of(Deployed* const& member) { return member->plan.id; }
    };

    struct RunningNodes {
        std::uint64_t daemons = 0;  ///< SNs and licence servers
        std::uint64_t others = 0;
        std::uint64_t results = 0;  ///< of rounds that programs got
        bool stopping = false;      ///< all others have ended
        SimNode::Started started;
    };

    struct Models {
        std::uint64_t bytes = 0;  ///< of the largest model of a program
        /// By the settings that they were read from, which equal nodes share.
        std::map<std::shared_ptr<const SimNodeSettings>, std::shared_ptr<const TrainingModel>>
            modelled;
    };

    struct LastActivity {
        std::uint64_t events = 0;  ///< in the trace by then
        SwarmTime at{};
    };

    Impl(SimEngine& sim_engine, SimTrace& sim_trace, SimulationOptions simulation_options);

    // simulation_start.cpp: actors, their nodes, and the program of each ML node.
    void start_actor(const SimActor& actor);
    void start_node(SimNodePlan plan);
    void start(Deployed& member);
    std::unique_ptr<SimProgram> make_program(Deployed& member);
    std::shared_ptr<const TrainingModel> training_model(const SimNodePlan& plan);
    ProgramOptions thread_options(const SimNodePlan& plan) const;
    std::unique_ptr<RunningProgram> run_as_process(const Deployed& member);

    // simulation_end.cpp: the end of a node, and of the whole run.
    void ended(Deployed& member, const Stop& stop);
    void kill(Deployed& member, const std::string& reason);
    /// Ends the run, in two steps: once all SL and ML nodes have ended, SNs and licence servers are
    /// stopped.
    void check_end();
    void stop_daemons();
    /// Whether its host is off and will be turned on by its profile.
    bool will_restart(const Deployed& member) const;
    /// Whether it is an SL whose program has ended with success. Started again, it would wait for a
    /// program forever, and with the program it would begin another run.
    bool has_done_its_work(const Deployed& sl) const;
    void check_stall();
    SwarmDuration check_interval() const;
    /// Ends the run if no round ends although nobody trains. \return  false if it has ended the
    /// run.
    bool check_rounds();
    std::uint64_t count_programs() const;
    std::uint64_t bytes_moved() const;
    double bottleneck_now();
    void check_routes(const std::function<void(const std::string&)>& doing);
    std::vector<DeployedHost> deployed_hosts() const;
    void end_early(SimOutcome::End how, SwarmTime at);

    // simulation_faults.cpp: faults of the command line and of the platform's profiles.
    void plan_faults();
    void plan(SwarmTime at, bool restarts, std::function<void()> fault);
    void change(const Fault& fault, bool begins);
    void apply(const Fault& fault);
    void host_changed(HostIndex host, bool on);

    // simulation.cpp: the run.
    Deployed* find(const std::string& name);
    void note(const NodeId& node, const TraceEvent& event);
    SimOutcome run();
    EnergyUse energy(const std::vector<LinkUse>& used);

    SimEngine& engine;
    SimTrace& trace;
    SimulationOptions options;
    SimOutcome outcome;
    SimMachines machines;
    SimNetwork network;
    LinkLog links;
    FaultEffects effects;
    RoundWatch watch;
    std::shared_ptr<SharedRounds> shared_rounds = std::make_shared<SharedRounds>();
    Models models;
    std::optional<ProgramPool> programs;  ///< those that are processes; before members
    RunningNodes running;                 ///< before members
    const SimNode::World world;           ///< the same
    std::vector<std::unique_ptr<Deployed>> members;
    ByNode<Deployed*, Deployed::id_of> by_name;
    std::vector<SimNodePlan> planned;  ///< nodes without an actor, which start at time 0
    std::vector<std::unique_ptr<SimNode>> stopped_nodes;  ///< their code may be on the stack
    LastActivity activity;                                ///< seen by check_stall()
    bool certificates_noted = false;
};

}  // namespace starling
