// Faults of the command line and of the platform's profiles, and what they do to nodes.
#include <utility>

#include "sim/simulation_impl.hpp"

namespace starling {

void Simulation::Impl::plan_faults() {
    for (const Fault& fault : options.faults) {
        plan(fault.at, fault.kind == Fault::Kind::restart,
             [this, fault] { fault.is_of_nodes() ? apply(fault) : change(fault, true); });
        if (fault.lasting) {
            plan(fault.at + *fault.lasting, fault.kind == Fault::Kind::power,
                 [this, fault] { change(fault, false); });
        }
    }
}

void Simulation::Impl::plan(SwarmTime at, bool restarts, std::function<void()> fault) {
    ++effects.pending;
    effects.pending_restarts += restarts ? 1 : 0;
    engine.at(at, [this, restarts, fault = std::move(fault)] {
        --effects.pending;
        effects.pending_restarts -= restarts ? 1 : 0;
        fault();
        check_end();
    });
}

void Simulation::Impl::change(const Fault& fault, bool begins) {
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

void Simulation::Impl::apply(const Fault& fault) {
    const bool restart = fault.kind == Fault::Kind::restart;
    if (const auto host = engine.find_host(fault.target)) {
        engine.turn_host(*host, restart);  // the nodes follow in host_changed()
        return;
    }
    Deployed* member = find(fault.target);
    if (member == nullptr) {
        throw UsageError("--fault \"" + fault.text + "\": there is no host and, by then, no node " +
                         fault.target);
    }
    if (!restart) {
        kill(*member, "--fault \"" + fault.text + "\"");
    } else if (!member->node) {
        start(*member);
    }
}

void Simulation::Impl::host_changed(HostIndex host, bool on) {
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

}  // namespace starling
