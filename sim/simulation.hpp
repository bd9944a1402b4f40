#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/short_text.hpp"
#include "core/ml/swarm.hpp"
#include "sim/calibration.hpp"
#include "sim/deployment.hpp"
#include "sim/energy.hpp"
#include "sim/fault.hpp"
#include "sim/fault_log.hpp"
#include "sim/program_pool.hpp"
#include "sim/resource_use.hpp"
#include "sim/round_log.hpp"
#include "sim/sim_engine.hpp"
#include "sim/sim_network.hpp"
#include "sim/sim_trace.hpp"
#include "sim/traffic_log.hpp"

namespace starling {

struct SimulationOptions {
    Calibration calibration;
    TrainFunction train;  ///< of all ML nodes; empty: see `programs`
    /// The ML programs of the deployment are started as processes; none: modelled training.
    std::optional<ProgramLimits> programs;
    std::filesystem::path workspace = "workspace";  ///< real training works in WORKSPACE/HOST
    std::vector<Fault> faults;
    /// All hosts are emulated on one machine of so many cores: see SimMachines.
    std::optional<double> cores_shared;
    bool report_use = false;  ///< SimOutcome::use is filled in
    /// SimOutcome::energy is filled in if any host or link has watts.
    PlatformWatts watts;
    std::uint64_t seed = 1;  ///< of the durations of work, which vary by the calibration's spread
    /// Wall-clock time at the start, in seconds since 1970, UTC, for licence servers. None: the
    /// first second of their licence.
    std::optional<std::int64_t> date;
    std::optional<SwarmTime> until;  ///< end of the run, whatever the nodes do
    /// For swarms of thousands: SimNetwork::Bursts::large and NodeServices::group_commits.
    bool large = false;
    /// The run ends after this long without training, other work or any event: then the nodes wait
    /// for each other for ever.
    SwarmDuration stall_limit = std::chrono::hours(1);
    /// The run ends after this long without a round while nobody trains; none: see RoundWatch.
    std::optional<SwarmDuration> round_limit;
    /// SNs and licence servers are stopped this long after the last SL or ML node has ended.
    SwarmDuration linger{0};
    /// The run ends after this many restarts of one node without a round between, since profiles
    /// may go on for ever.
    std::uint64_t restarts_limit = 100;
};

/// An error in deployment or faults that is detected while the simulation runs.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// How a node has ended, or that it has not.
struct NodeEnding {
    std::optional<int> exit_code;  ///< none: killed by a fault, or still running
    bool killed = false;
    ShortText reason;  ///< of its Stop
    std::uint64_t restarts = 0;
};

struct NodeOutcome : NodeEnding {
    NodeId id;
    Role role = Role::sl;
    std::string host;
};

struct SimOutcome {
    explicit SimOutcome(TraceSink& trace) : traffic(trace), faults(traffic) {}

    std::vector<NodeOutcome> nodes;  ///< in order of their start
    RoundLog rounds;
    TrafficLog traffic;
    FaultLog faults;  ///< passes events on to `traffic`
    SwarmTime end{};
    ByteCount bytes;
    std::uint64_t messages = 0;  ///< delivered
    ResourceUse use;
    std::optional<EnergyUse> energy;
    enum class End { finished, stalled, no_round, round_limit, until } how = End::finished;
    NodeId restarting;      ///< of End::no_round: the node that was restarted again and again
    std::string no_rounds;  ///< of End::round_limit: for how long, and the limit

    /// 0: every node that was not killed by a fault ended with 0. Otherwise the first other exit
    /// code, or `aborted` if nodes or rounds did not end.
    int exit_code() const;
};

/// The nodes of a deployment on simulated hosts, from their start to their end.
class Simulation {
public:
    Simulation(SimEngine& engine, SimTrace& trace, SimulationOptions options);
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;
    ~Simulation();

    /// Checks the routes between the hosts of the loaded deployment.
    /// \param doing  see check_routes(). Throws PlatformError.
    void check_routes(const std::function<void(const std::string&)>& doing);
    /// For SimEngine::load_deployment(). Throws UsageError.
    void start_actor(const SimActor& actor);
    /// Nodes that start at time 0, in place of a deployment file.
    void set_nodes(std::vector<SimNodePlan> nodes);
    /// Runs to the end. Throws UsageError, PlatformError and ProgramError.
    SimOutcome run();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
