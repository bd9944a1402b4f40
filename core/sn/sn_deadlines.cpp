// What this SN proposes or says when it leads and time has passed: nodes that are silent for longer
// than their lease are lost, contracts' deadlines expire, a run waits for a model that nobody
// sends.
#include <algorithm>

#include "core/sn/detail/sn_dispatcher.hpp"
#include "core/sn/missing_model.hpp"

namespace starling {

void SnNode::check_leases(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    leases_.count(now_, ledger(), peers_);
    std::vector<std::pair<NodeId, std::string>> gone;
    std::vector<std::pair<NodeId, const Peer*>> broken;
    auto next = peers_.begin();  // both are in the order of their ids
    for (const auto& [id, node] : ledger().nodes()) {
        while (next != peers_.end() && next->first < id) {
            ++next;
        }
        static const Peer unheard;
        const Peer& peer = next != peers_.end() && next->first == id ? next->second : unheard;
        if (node.lost || node.role != Role::sl) {
            continue;
        }
        // Connections are not in the log: under a new leader every node gets a full lease.
        const SwarmDuration lease = leases_.of(peer);
        if (now_ - std::max(peer.last_heard, leadership_.led_since()) > lease) {
            gone.emplace_back(id, "it was silent for " +
                                      std::to_string(static_cast<int>(to_seconds(lease))) + " s");
        } else if (!peer.connected && peer.last_heard >= leadership_.led_since()) {
            broken.emplace_back(id, &peer);
        }
    }
    leases_.set_broken(broken.size());
    for (const auto& [id, peer] : broken) {
        if (now_ - std::max(peer->lost_at, leadership_.led_since()) >
            leases_.time_to_return(*peer)) {
            gone.emplace_back(id, "its connection was lost and it did not return");
        }
    }
    for (auto& [id, reason] : gone) {
        propose({0, options_.id, 0, 0, LoseNode{id, std::move(reason)}}, out);
    }
}

/// The connection of an SL, here or at another SN, broke.
void SnNode::await_return(Outbox& out) {
    if (raft().leads() && leases_.check_sooner(now_)) {
        out.set_timer(lease_timer, leases_.next_check());
    }
}

void SnNode::check_models(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    for (const auto& [name, contract] : ledger().contracts()) {
        const std::optional<MissingModel> missing = missing_model(contract, peers_, now_);
        if (!missing || !motions_.show({name, contract.run, missing->round, 0}, now_)) {
            continue;
        }
        status_.mark_changed();
        report(TraceEvent("model_missing")
                   .with("contract", name)
                   .with("run", contract.run)
                   .with("round", missing->round)
                   .with("asking", missing->asking.size())
                   .with("lost", missing->is_lost() ? 1U : 0U)
                   .log(Level::error, component, missing_model_text(contract, *missing)),
               out);
    }
}

void SnNode::check_deadlines(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    std::vector<ExpireDeadline> due;
    for (const auto& [name, contract] : ledger().contracts()) {
        if (contract.deadline && *contract.deadline <= log_.ledger_time(now_)) {
            due.push_back({name, contract.run, to_ns(*contract.deadline)});
        }
    }
    for (ExpireDeadline& expire : due) {
        propose({0, options_.id, 0, 0, std::move(expire)}, out);
    }
    // What was refused during a leadership transfer is not retried at once.
    arm_deadline(out, options_.limits.check_interval);
}

void SnNode::arm_deadline(Outbox& out, SwarmDuration at_least) {
    std::optional<SwarmTime> earliest;
    for (const auto& [name, contract] : ledger().contracts()) {
        // One that is proposed is pending until other SNs agree.
        if (contract.deadline && (!earliest || *contract.deadline < *earliest) &&
            !log_.proposals().contains(
                options_.id, ExpireDeadline{name, contract.run, to_ns(*contract.deadline)})) {
            earliest = contract.deadline;
        }
    }
    if (earliest && raft().leads()) {
        out.set_timer(contract_timer, std::max(now_ + at_least, log_.node_time(*earliest)));
    } else {
        out.cancel_timer(contract_timer);
    }
}

}  // namespace starling
