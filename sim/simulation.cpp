// The run of a deployment: starts nodes, applies faults, and decides when the run is over. It ends
// when all SL and ML nodes have ended and none will start again; then SNs and licence servers are
// stopped, as an operator would. It ends early if nothing can happen any more (check_stall()), if
// no round ends (check_rounds()), or if a node is restarted again and again without a round
// between.
//
// Invariant: a SimNode is never destroyed while its own code is on the stack (stopped_nodes).
#include "sim/simulation.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sim/fault_effects.hpp"
#include "sim/link_log.hpp"
#include "sim/program_files.hpp"
#include "sim/program_pool.hpp"
#include "sim/round_watch.hpp"
#include "sim/route_check.hpp"
#include "sim/sim_node.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

constexpr SwarmDuration stall_check_interval = std::chrono::seconds(60);

/// Observes replies to a program.
class WatchedProgram final : public SimProgram {
public:
    WatchedProgram(std::unique_ptr<SimProgram> program,
                   std::function<void(const SyncedReply&)> synced)
        : program_(std::move(program)), synced_(std::move(synced)) {}

    void resume(TrainReply reply) override {
        if (const auto* synced = std::get_if<SyncedReply>(&reply)) {
            synced_(*synced);
        }
        program_->resume(std::move(reply));
    }

private:
    std::unique_ptr<SimProgram> program_;
    std::function<void(const SyncedReply&)> synced_;
};

/// SNs and licence servers run until stopped by an operator.
bool is_daemon(Role role) { return role == Role::sn || role == Role::apls; }

/// A node of the deployment over all its starts.
struct Deployed {
    SimNodePlan plan;
    std::unique_ptr<MemoryStore> store;  ///< survives restarts of the node
    std::unique_ptr<SimNode> node;       ///< null: not running
    std::uint64_t starts = 0;
    std::uint64_t starts_without_round = 0;  ///< since a program last got a round
    std::uint64_t results_seen = 0;          ///< Impl::results at its newest start
    NodeOutcome outcome;
};

struct RunningNodes {
    std::uint64_t daemons = 0;  ///< SNs and licence servers
    std::uint64_t others = 0;
    bool stopping = false;  ///< all others have ended
};

struct LastActivity {
    std::uint64_t events = 0;  ///< in the trace by then
    SwarmTime at{};
};

}  // namespace

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

struct Simulation::Impl {
    Impl(SimEngine& sim_engine, SimTrace& sim_trace, SimulationOptions simulation_options)
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
          watch(options.round_limit) {
        if (options.programs) {
            programs.emplace(*options.programs);
        }
    }

    // Starting: actors, their nodes, and the program of each ML node.

    void start_actor(const SimActor& actor) {
        Result<std::vector<SimNodePlan>> plans = plan_nodes(engine, actor);
        if (!plans) {
            throw UsageError(plans.error().message);
        }
        for (SimNodePlan& plan : *plans) {
            start_node(std::move(plan));
        }
    }

    void start_node(SimNodePlan plan) {
        auto member = std::make_unique<Deployed>();
        if (!by_name.emplace(plan.id.name, member.get()).second) {
            throw UsageError("two nodes have the name " + plan.id.name +
                             ": give each a different --name (or --ml-name)");
        }
        member->outcome.id = plan.id;
        member->outcome.role = plan.role;
        member->outcome.host = engine.host_name(plan.host);
        member->store = std::make_unique<MemoryStore>();
        // Nobody will read the log of an SN that is never started again.
        member->store->keeps_log =
            !options.large || !options.faults.empty() || engine.host_restarts(plan.host);
        member->store->duration = effects.write_duration(plan.host);
        if (plan.has_certificate_flags && !std::exchange(certificates_noted, true)) {
            note(plan.id, TraceEvent("certificates_not_read")
                              .log(Level::debug, "sim",
                                   "a simulation reads no certificates and no keys: identities "
                                   "are as deployed"));
        }
        if (plan.role == Role::apls) {
            SimNodeSettings settings = *plan.settings;
            settings.licences.unix_ns_at_zero =
                options.date.value_or(settings.licences.licence.valid_from) * 1'000'000'000 -
                to_ns(engine.now());
            plan.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
        }
        links.placed(engine.now(), plan.id, member->outcome.host);
        member->plan = std::move(plan);
        members.push_back(std::move(member));
        start(*members.back());
    }

    void start(Deployed& member) {
        if (!engine.host_on(member.plan.host)) {
            member.outcome.killed = true;
            return;
        }
        if (++member.starts > 1) {
            ++member.outcome.restarts;
            outcome.faults.node_restarted();
        }
        if (std::exchange(member.results_seen, results) != results) {
            member.starts_without_round = 0;
        }
        if (++member.starts_without_round > options.restarts_limit) {
            outcome.restarting = member.plan.id;
            end_early(SimOutcome::End::no_round, engine.now());
            return;
        }
        member.outcome.killed = false;
        member.outcome.exit_code.reset();
        auto node = SimNode::make({engine, network, machines, options.calibration, openssl_hasher(),
                                   links, options.large},
                                  member.plan,
                                  make_node(member.plan, member.starts, member.store.get(),
                                            shared_rounds, openssl_hasher()),
                                  member.store.get(),
                                  [this, &member](const Stop& stop) { ended(member, stop); });
        if (!node) {
            throw UsageError(node.error().message);
        }
        member.node = std::move(*node);
        ++(is_daemon(member.plan.role) ? running.daemons : running.others);
        if (member.plan.role == Role::ml) {
            member.node->worker().set_program(std::make_unique<WatchedProgram>(
                make_program(member), [this, &member](const SyncedReply& reply) {
                    outcome.rounds.record_result(member.plan.id, reply.round, reply.digest,
                                                 engine.now());
                    engine.meter().rounds = outcome.rounds.rounds().size();
                    watch.reset(engine.now(), bytes_moved());
                    ++results;
                }));
        }
        member.node->handle(Started{});
    }

    std::unique_ptr<SimProgram> make_program(Deployed& member) {
        const SimNodePlan& plan = member.plan;
        SimWorker& worker = member.node->worker();
        const OnTrainRequest on_request = [this, &member, &worker](TrainRequest request) {
            if (const auto* sync = std::get_if<SyncRequest>(&request)) {
                model_bytes = std::max(model_bytes, size_bytes(sync->params));
                watch.reset(engine.now(), bytes_moved());
                outcome.rounds.record_check_in(member.plan.id, engine.now());
            }
            worker.request_made(std::move(request));
        };
        if (!options.train && !programs) {
            Result<TrainingModel> model =
                read_training_model(plan.settings->properties, plan.settings->program.environment);
            if (!model) {
                throw UsageError(plan.id.name + ": " + model.error().message);
            }
            model->save_bytes_per_second = options.calibration.save_bytes_per_second;
            model->load_bytes_per_second = options.calibration.load_bytes_per_second;
            return make_modelled_program(machines.host(plan.host), std::move(*model), on_request);
        }
        return make_real_program(
            machines.host(plan.host),
            options.train ? run_in_thread(options.train, thread_options(plan))
                          : run_as_process(member),
            options.calibration, on_request,
            [this, id = plan.id](const TraceEvent& event) { note(id, event); });
    }

    ProgramOptions thread_options(const SimNodePlan& plan) const {
        ProgramOptions program;
        program.name = plan.id;
        program.arguments = plan.settings->program.arguments;
        program.environment = plan.settings->program.environment;
        program.working_directory = host_directory(options.workspace, engine.host_name(plan.host)) /
                                    plan.settings->program.working_directory;
        std::error_code failed;
        std::filesystem::create_directories(program.working_directory, failed);
        if (failed) {
            throw UsageError("--workspace: can't create the directory " +
                             program.working_directory.string() + ": " + failed.message());
        }
        return program;
    }

    std::unique_ptr<RunningProgram> run_as_process(const Deployed& member) {
        Result<ProgramStart> start =
            prepare_program(member.plan, member.outcome.host, options.workspace,
                            process_environment(), member.starts > 1);
        if (!start) {
            throw UsageError(start.error().message);
        }
        return programs->add(std::move(*start));
    }

    // Ending: of a node, and of the whole run.

    void ended(Deployed& member, const Stop& stop) {
        member.outcome.exit_code = stop.exit_code;
        member.outcome.reason = stop.reason;
        network.close(member.plan.id);
        stopped_nodes.push_back(std::move(member.node));
        --(is_daemon(member.plan.role) ? running.daemons : running.others);
        engine.at(engine.now(), [this] {
            stopped_nodes.clear();
            check_end();
        });
    }

    void kill(Deployed& member, const std::string& reason) {
        if (!member.node) {
            return;
        }
        effects.killed(member.plan.host, *member.store, member.node->writing());
        outcome.faults.node_killed(engine.now(), member.plan.id, reason);
        network.kill(member.plan.id, "the connection was reset");
        member.node.reset();
        --(is_daemon(member.plan.role) ? running.daemons : running.others);
        member.outcome.killed = true;
        engine.at(engine.now(), [this] { check_end(); });
    }

    /// Ends the run, in two steps: once all SL and ML nodes have ended, SNs and licence servers are
    /// stopped.
    void check_end() {
        if (engine.pending_actors() > 0 || effects.pending_restarts > 0 || !planned.empty()) {
            return;
        }
        if (running.others > 0 || (running.stopping && running.daemons > 0)) {
            return;  // in a large swarm thousands end at once
        }
        const bool restarts_later =
            std::any_of(members.begin(), members.end(), [this](const auto& member) {
                return !is_daemon(member->plan.role) && will_restart(*member);
            });
        if (restarts_later) {
            return;
        }
        if (running.daemons == 0) {
            outcome.end = engine.now();
            engine.stop();
            return;
        }
        if (!std::exchange(running.stopping, true)) {
            engine.at(engine.now() + options.linger, [this] { stop_daemons(); });
        }
    }

    void stop_daemons() {
        for (const auto& member : members) {
            if (member->node) {
                member->node->handle(StopRequested{"all SL and ML nodes have ended"});
            }
        }
        check_end();
    }

    /// Whether its host is off and will be turned on by its profile.
    bool will_restart(const Deployed& member) const {
        return !member.node && member.outcome.killed && !engine.host_on(member.plan.host) &&
               engine.host_restarts(member.plan.host) && !has_done_its_work(member);
    }

    /// Whether it is an SL whose program has ended with success. Started again, it would wait for a
    /// program forever, and with the program it would begin another run.
    bool has_done_its_work(const Deployed& sl) const {
        return sl.plan.role == Role::sl &&
               std::any_of(members.begin(), members.end(), [&sl](const auto& program) {
                   return program->plan.role == Role::ml && program->plan.host == sl.plan.host &&
                          program->plan.socket == sl.plan.socket && !program->outcome.killed &&
                          program->outcome.exit_code == exit_code::ok;
               });
    }

    void check_stall() {
        const bool working =
            std::any_of(members.begin(), members.end(), [this](const auto& member) {
                return (member->node && member->node->worker().busy()) || will_restart(*member);
            });
        if (working || trace.events() != activity.events || engine.pending_actors() > 0 ||
            effects.pending > 0) {
            activity = {trace.events(), engine.now()};
        }
        const bool nothing_left = engine.pending() == 0 && engine.pending_actors() == 0;
        if (nothing_left || engine.now() - activity.at >= options.stall_limit) {
            return end_early(SimOutcome::End::stalled, activity.at);
        }
        if (!check_rounds()) {
            return;
        }
        engine.at(engine.now() + check_interval(), [this] { check_stall(); });
    }

    SwarmDuration check_interval() const {
        const SwarmDuration limit = options.round_limit.value_or(2 * stall_check_interval);
        return std::clamp<SwarmDuration>(limit / 2, std::chrono::milliseconds(1),
                                         stall_check_interval);
    }

    /// Ends the run if no round ends although nobody trains. \return  false if it has ended the
    /// run.
    bool check_rounds() {
        const bool awaited =
            effects.pending > 0 || engine.pending_actors() > 0 ||
            std::any_of(members.begin(), members.end(), [this](const auto& member) {
                return (member->node && member->node->worker().training()) || will_restart(*member);
            });
        if (awaited) {
            watch.reset(engine.now(), bytes_moved());
            return true;
        }
        watch.set_round(model_bytes, count_programs());
        if (!watch.reason_to_end(engine.now(), bytes_moved())) {
            return true;
        }
        watch.set_bottleneck(bottleneck_now());  // links may be slower than at the start
        const std::optional<std::string> reason = watch.reason_to_end(engine.now(), bytes_moved());
        if (!reason) {
            return true;
        }
        outcome.no_rounds = *reason;
        end_early(SimOutcome::End::round_limit, engine.now());
        return false;
    }

    std::uint64_t count_programs() const {
        return static_cast<std::uint64_t>(std::count_if(
            members.begin(), members.end(),
            [](const auto& member) { return member->node && member->plan.role == Role::ml; }));
    }

    std::uint64_t bytes_moved() const { return engine.meter().bytes_moved; }

    double bottleneck_now() {
        return starling::check_routes(engine, deployed_hosts(), [](const std::string&) {});
    }

    void check_routes(const std::function<void(const std::string&)>& doing) {
        watch.set_bottleneck(starling::check_routes(engine, deployed_hosts(), doing));
    }

    std::vector<DeployedHost> deployed_hosts() const {
        std::map<HostIndex, bool> serves;
        for (const PlannedActor& actor : engine.actors()) {
            const bool server = actor.function == "run-sn" || actor.function == "run-apls";
            if (const auto host = engine.find_host(actor.host)) {
                serves[*host] = serves[*host] || server;
            }
        }
        for (const SimNodePlan& plan : planned) {
            serves[plan.host] = serves[plan.host] || is_daemon(plan.role);
        }
        std::vector<DeployedHost> hosts;
        for (const auto& [host, server] : serves) {
            hosts.push_back({host, server});
        }
        return hosts;
    }

    void end_early(SimOutcome::End how, SwarmTime at) {
        outcome.how = how;
        outcome.end = at;
        engine.stop();
    }

    // Faults: of the command line and of the platform's profiles.

    void plan_faults() {
        for (const Fault& fault : options.faults) {
            plan(fault.at, fault.kind == Fault::Kind::restart,
                 [this, fault] { fault.is_of_nodes() ? apply(fault) : change(fault, true); });
            if (fault.lasting) {
                plan(fault.at + *fault.lasting, fault.kind == Fault::Kind::power,
                     [this, fault] { change(fault, false); });
            }
        }
    }

    void plan(SwarmTime at, bool restarts, std::function<void()> fault) {
        ++effects.pending;
        effects.pending_restarts += restarts ? 1 : 0;
        engine.at(at, [this, restarts, fault = std::move(fault)] {
            --effects.pending;
            effects.pending_restarts -= restarts ? 1 : 0;
            fault();
            check_end();
        });
    }

    void change(const Fault& fault, bool begins) {
        if (fault.kind == Fault::Kind::power && begins) {
            effects.cut_power(*engine.find_host(fault.target));  // the nodes follow
        }
        if (!effects.change(fault, begins)) {
            return;
        }
        for (const auto& member : members) {
            member->store->duration = effects.write_duration(member->plan.host);
        }
        note({"platform"},
             TraceEvent("conditions_changed")
                 .with("fault", fault.text)
                 .with("begins", std::uint64_t{begins})
                 .log(Level::warning, "sim", fault.text + (begins ? "" : ": it is over")));
    }

    void apply(const Fault& fault) {
        const bool restart = fault.kind == Fault::Kind::restart;
        if (const auto host = engine.find_host(fault.target)) {
            engine.turn_host(*host, restart);  // the nodes follow in host_changed()
            return;
        }
        Deployed* member = find(fault.target);
        if (member == nullptr) {
            throw UsageError("--fault \"" + fault.text +
                             "\": there is no host and, by then, no node " + fault.target);
        }
        if (!restart) {
            kill(*member, "--fault \"" + fault.text + "\"");
        } else if (!member->node) {
            start(*member);
        }
    }

    void host_changed(HostIndex host, bool on) {
        outcome.faults.host_changed(engine.now(), engine.host_name(host), on);
        for (std::size_t i = 0; i < members.size(); ++i) {
            Deployed& member = *members[i];
            if (member.plan.host != host) {
                continue;
            }
            if (!on) {
                kill(member, "host " + engine.host_name(host) + " went off");
            } else if (!member.node && member.outcome.killed && !has_done_its_work(member)) {
                start(member);
            }
        }
        if (on) {
            effects.power_is_back(host);
        }
        check_end();
    }

    // The run.

    Deployed* find(const std::string& name) {
        const auto found = by_name.find(name);
        return found == by_name.end() ? nullptr : found->second;
    }

    void note(const NodeId& node, const TraceEvent& event) {
        links.report(engine.now(), node, event);
    }

    SimOutcome run() {
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
            outcome.nodes.push_back(member->outcome);
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

    EnergyUse energy(const std::vector<LinkUse>& used) {
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
    std::uint64_t model_bytes = 0;        ///< of the largest model of a program
    std::optional<ProgramPool> programs;  ///< those that are processes; before members
    std::vector<std::unique_ptr<Deployed>> members;
    std::map<std::string, Deployed*> by_name;
    std::vector<SimNodePlan> planned;  ///< nodes without an actor, which start at time 0
    std::vector<std::unique_ptr<SimNode>> stopped_nodes;  ///< their code may be on the stack
    RunningNodes running;
    std::uint64_t results = 0;  ///< of rounds that programs got
    LastActivity activity;      ///< seen by check_stall()
    bool certificates_noted = false;
};

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
