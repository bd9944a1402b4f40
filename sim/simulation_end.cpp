// When a run is over: when all SL and ML nodes have ended and none will start again; then SNs and
// licence servers are stopped, as an operator would. It ends early if nothing can happen any more
// (check_stall()), if no round ends (check_rounds()), or if a node is restarted again and again
// without a round between.
#include <algorithm>
#include <map>
#include <utility>

#include "sim/simulation_impl.hpp"

namespace starling {

namespace {

constexpr SwarmDuration stall_check_interval = std::chrono::seconds(60);

}  // namespace

void Simulation::Impl::ended(Deployed& member, const Stop& stop) {
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

void Simulation::Impl::kill(Deployed& member, const std::string& reason) {
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

void Simulation::Impl::check_end() {
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

void Simulation::Impl::stop_daemons() {
    for (const auto& member : members) {
        if (member->node) {
            member->node->handle(StopRequested{"all SL and ML nodes have ended"});
        }
    }
    check_end();
}

bool Simulation::Impl::will_restart(const Deployed& member) const {
    return !member.node && member.outcome.killed && !engine.host_on(member.plan.host) &&
           engine.host_restarts(member.plan.host) && !has_done_its_work(member);
}

bool Simulation::Impl::has_done_its_work(const Deployed& sl) const {
    return sl.plan.role == Role::sl &&
           std::any_of(members.begin(), members.end(), [&sl](const auto& program) {
               return program->plan.role == Role::ml && program->plan.host == sl.plan.host &&
                      program->plan.socket == sl.plan.socket && !program->outcome.killed &&
                      program->outcome.exit_code == exit_code::ok;
           });
}

void Simulation::Impl::check_stall() {
    const bool working = std::any_of(members.begin(), members.end(), [this](const auto& member) {
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

SwarmDuration Simulation::Impl::check_interval() const {
    const SwarmDuration limit = options.round_limit.value_or(2 * stall_check_interval);
    return std::clamp<SwarmDuration>(limit / 2, std::chrono::milliseconds(1), stall_check_interval);
}

bool Simulation::Impl::check_rounds() {
    const bool awaited =
        effects.pending > 0 || engine.pending_actors() > 0 ||
        std::any_of(members.begin(), members.end(), [this](const auto& member) {
            return (member->node && member->node->worker().training()) || will_restart(*member);
        });
    if (awaited) {
        watch.reset(engine.now(), bytes_moved());
        return true;
    }
    watch.set_round(models.bytes, count_programs());
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

std::uint64_t Simulation::Impl::count_programs() const {
    return static_cast<std::uint64_t>(std::count_if(
        members.begin(), members.end(),
        [](const auto& member) { return member->node && member->plan.role == Role::ml; }));
}

std::uint64_t Simulation::Impl::bytes_moved() const { return engine.meter().bytes_moved; }

double Simulation::Impl::bottleneck_now() {
    return starling::check_routes(engine, deployed_hosts(), [](const std::string&) {});
}

void Simulation::Impl::check_routes(const std::function<void(const std::string&)>& doing) {
    watch.set_bottleneck(starling::check_routes(engine, deployed_hosts(), doing));
}

std::vector<DeployedHost> Simulation::Impl::deployed_hosts() const {
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

void Simulation::Impl::end_early(SimOutcome::End how, SwarmTime at) {
    outcome.how = how;
    outcome.end = at;
    engine.stop();
}

}  // namespace starling
