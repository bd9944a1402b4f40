// The run of a deployment as a whole: it starts the nodes, plans the faults, lets the engine run,
// and sums up the outcome.
#include "sim/simulation.hpp"

#include <set>
#include <utility>

#include "sim/simulation_impl.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {

int SimOutcome::exit_code() const {
    if (how == End::round_limit || how == End::no_round) {
        return exit_code::aborted;
    }
    for (const NodeOutcome& node : nodes) {
        if (node.exit_code && *node.exit_code != exit_code::ok) {
            return *node.exit_code;
        }
    }
    for (const NodeOutcome& node : nodes) {
        if (!node.exit_code && !node.killed) {
            return exit_code::aborted;
        }
    }
    return exit_code::ok;
}

Simulation::Impl::Impl(SimEngine& sim_engine, SimTrace& sim_trace,
                       SimulationOptions simulation_options)
    : engine(sim_engine),
      trace(sim_trace),
      options(std::move(simulation_options)),
      outcome(sim_trace),
      machines(engine, options.cores_shared, options.calibration.spread, options.seed),
      network(engine, from_seconds(options.calibration.handshake_seconds),
              NetworkCpu{machines, options.calibration},
              options.large ? SimNetwork::Bursts::large : SimNetwork::Bursts::small,
              !options.large || options.report_use || options.watts.any()),
      links(outcome.faults, engine, network, !options.large),
      effects(engine, machines, options.calibration, options.seed),
      watch(options.round_limit),
      world{engine,
            network,
            machines,
            options.calibration,
            openssl_hasher(),
            links,
            running.started,
            options.large,
            [this](const NodeId& id, const Stop& stop) { ended(**by_name.find(id), stop); }} {
    if (options.programs) {
        programs.emplace(*options.programs);
    }
}

Simulation::Impl::Deployed* Simulation::Impl::find(const std::string& name) {
    Deployed* const* const found = by_name.find({name});
    return found == nullptr ? nullptr : *found;
}

void Simulation::Impl::note(const NodeId& node, const TraceEvent& event) {
    links.report(engine.now(), node, event);
}

SimOutcome Simulation::Impl::run() {
    engine.on_host_change([this](HostIndex host, bool on) { host_changed(host, on); });
    engine.on_link_change([this](const std::string& link, bool up) {
        outcome.faults.link_changed(engine.now(), link, up);
    });
    plan_faults();
    if (options.until) {
        engine.at(*options.until, [this] { end_early(SimOutcome::End::until, engine.now()); });
    }
    engine.at(engine.now() + check_interval(), [this] { check_stall(); });
    engine.at(engine.now(), [this] {
        for (SimNodePlan& plan : std::exchange(planned, {})) {
            start_node(std::move(plan));
        }
    });
    engine.run();
    links.finish(outcome.end);
    for (const auto& member : members) {
        const SimNodePlan& plan = member->plan;
        outcome.nodes.push_back(
            {std::move(member->outcome), plan.id, plan.role, engine.host_name(plan.host)});
    }
    network.end();
    outcome.bytes = network.total();
    outcome.messages = network.messages();
    if (options.report_use || options.watts.any()) {
        std::vector<LinkUse> used = link_use(engine, network);
        if (options.watts.any()) {
            outcome.energy = energy(used);
        }
        if (options.report_use) {
            outcome.use = resource_use(machines, std::move(used));
        }
    }
    return std::move(outcome);
}

EnergyUse Simulation::Impl::energy(const std::vector<LinkUse>& used) {
    std::set<HostIndex> hosts;
    for (const auto& member : members) {
        hosts.insert(member->plan.host);
    }
    for (const HostIndex host : hosts) {
        if (options.watts.host(host) != nullptr && machines.shares(host)) {
            EnergyUse none;
            none.missing = "host " + engine.host_name(host) +
                           " shares the cores of a machine with others, so its load is unknown";
            return none;
        }
    }
    return energy_use(options.watts, engine, {hosts.begin(), hosts.end()}, machines,
                      outcome.faults.off_times(), used, outcome.end);
}

Simulation::Simulation(SimEngine& engine, SimTrace& trace, SimulationOptions options)
    : impl_(std::make_unique<Impl>(engine, trace, std::move(options))) {}
Simulation::~Simulation() = default;

void Simulation::check_routes(const std::function<void(const std::string&)>& doing) {
    impl_->check_routes(doing);
}
void Simulation::set_nodes(std::vector<SimNodePlan> nodes) { impl_->planned = std::move(nodes); }
void Simulation::start_actor(const SimActor& actor) { impl_->start_actor(actor); }
SimOutcome Simulation::run() { return impl_->run(); }

}  // namespace starling
