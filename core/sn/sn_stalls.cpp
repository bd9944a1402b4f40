// Leases of members, what they say of their transfers, and who is left out of a round that stands
// still.
#include <algorithm>

#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

constexpr std::string_view component = "swarm.SN";
/// A lease is so many of the longest pauses between a node's frames.
constexpr int pauses_per_lease = 8;
constexpr SwarmDuration longest_lease = std::chrono::minutes(2);
/// A rate is taken over one to two of these.
constexpr SwarmDuration rate_window = std::chrono::seconds(10);
/// A round stands still once no byte of any of its members' segments has come for so long.
constexpr SwarmDuration standstill = std::chrono::seconds(15);
constexpr SwarmDuration stall_log_interval = std::chrono::minutes(1);

bool weight_without(const std::vector<RoundMember>& members, const NodeId& left_out) {
    return std::any_of(members.begin(), members.end(), [&](const RoundMember& member) {
        return member.id != left_out && member.weight > 0;
    });
}

}  // namespace

void SnPeer::hear(SwarmTime now) {
    if (heard && connected) {
        longest_pause = std::max(now - last_heard, longest_pause * 15 / 16);
    }
    last_heard = now;
    heard = true;
}

void SnPeer::take_beat(SwarmTime now, const Heartbeat& said) {
    const bool same = said.contract == beat.contract && said.run == beat.run &&
                      said.round == beat.round && said.attempt == beat.attempt;
    const Measured measured{now, said.progress.received_bytes};
    if (!same) {
        rate_from = measured;
        rate_to = measured;
    } else if (now - rate_to.at >= rate_window) {
        rate_from = rate_to;
        rate_to = measured;
    }
    beat = said;
    beat_at = now;
}

double SnPeer::bytes_per_second() const {
    const double seconds = to_seconds(beat_at - rate_from.at);
    return seconds < 1
               ? 0.0
               : static_cast<double>(beat.progress.received_bytes - rate_from.bytes) / seconds;
}

/// On a link that is full heartbeats come late: the lease follows the pauses that were seen.
SwarmDuration SnNode::lease_of(const Peer& peer) const {
    return std::clamp<SwarmDuration>(pauses_per_lease * peer.longest_pause, options_.lease,
                                     std::max(options_.lease, longest_lease));
}

void SnNode::note_beat(const NodeId& from, const Heartbeat& beat) {
    Peer& peer = peers_[from];
    const RoundKey key{beat.contract, beat.run, beat.round, beat.attempt};
    RoundMotion& motion = motions_[beat.contract];
    const std::uint64_t before =
        motion.key == key && peer.beat.round == beat.round && peer.beat.attempt == beat.attempt
            ? peer.beat.progress.received_bytes
            : 0;
    const Contract* contract = ledger_.find_contract(beat.contract);
    const bool on = contract != nullptr && contract->phase == ContractPhase::exchanging &&
                    is_about(key, *contract);
    if (on && (motion.key != key || beat.progress.received_bytes > before)) {
        motion.moved_at = now_;
        motion.key = key;
        status_.mark_changed();
    } else if (contract == nullptr) {
        motions_.erase(beat.contract);
    }
    peer.take_beat(now_, beat);
}

/// Who waits for whom in the attempt that is on, by what its members say; the fault may be on
/// either side. Two that refuse each other's certificates are told apart from two that stand still.
SnNode::StalledPairs SnNode::stalled_pairs(const Contract& contract) {
    StalledPairs pairs;
    for (const RoundMember& member : contract.frozen) {
        const Heartbeat& beat = peers_[member.id].beat;
        if (!is_about({beat.contract, beat.run, beat.round, beat.attempt}, contract)) {
            continue;
        }
        for (const Stall& stall : beat.stalls) {
            const auto other = contract.members.find(stall.node);
            // One that can't have merged yet is not to blame for what it owes.
            if (other == contract.members.end() ||
                (stall.merged && !has_reported(contract, stall.node))) {
                continue;
            }
            pairs.all.insert(std::minmax(member.id, stall.node));
            if (stall.refused) {
                pairs.refused.insert(std::minmax(member.id, stall.node));
            }
        }
    }
    return pairs;
}

namespace {

/// The member that most others can't exchange segments with, and how many those are.
std::optional<std::pair<NodeId, int>> most_blamed(
    const std::set<std::pair<NodeId, NodeId>>& pairs) {
    std::map<NodeId, int> blame;
    for (const auto& [a, b] : pairs) {
        ++blame[a];
        ++blame[b];
    }
    const auto worst = std::max_element(
        blame.begin(), blame.end(),
        [](const auto& a, const auto& b) { return a.second <= b.second; });  // last of equals
    return worst == blame.end() ? std::nullopt : std::optional(std::pair(*worst));
}

}  // namespace

/// Two members that can't reach each other would hold up the round for ever: the one that most
/// others wait for is left out of it, if enough remain. Never while bytes move: the round could not
/// have ended yet, so nothing is lost by waiting.
void SnNode::check_stalls(std::vector<Effect>& effects) {
    if (!consensus_->leads() || !options_.exclude_stalled) {
        return;
    }
    std::vector<ExcludeMember> excluded;
    for (const auto& [name, contract] : ledger_.contracts()) {
        if (contract.phase != ContractPhase::exchanging) {
            continue;
        }
        const StalledPairs pairs = stalled_pairs(contract);
        const SwarmTime moved = std::max(motions_[name].moved_at, led_since_);
        const bool still = now_ - moved >= standstill;
        const auto worst = most_blamed(still ? pairs.all : pairs.refused);
        if (!worst) {
            continue;
        }
        const auto& [node, others] = *worst;
        const std::string what = "nothing moves between it and " + std::to_string(others) +
                                 (others == 1 ? " other member" : " other members");
        // Others that have not checked in yet may take its place.
        const bool enough = contract.active_count() > contract.config.min_peers &&
                            weight_without(contract.frozen, node);
        if (enough) {
            excluded.push_back({name, contract.run, contract.round, contract.attempt, node, what});
        } else {
            show_standstill(contract, node, what, effects);
        }
    }
    for (ExcludeMember& one : excluded) {
        propose({0, options_.id, 0, 0, std::move(one)}, effects);
    }
}

void SnNode::show_standstill(const Contract& contract, const NodeId& node, const std::string& what,
                             std::vector<Effect>& effects) {
    RoundMotion& motion = motions_[contract.name];
    const RoundKey key{contract.name, contract.run, contract.round, contract.attempt};
    if (motion.shown == key && now_ - motion.shown_at < stall_log_interval) {
        return;
    }
    motion.shown = key;
    motion.shown_at = now_;
    report(TraceEvent("round_stands_still")
               .with("contract", contract.name)
               .with("round", contract.round)
               .with("node", node.name)
               .log(Level::warning, component,
                    "Round " + std::to_string(contract.round) + " stands still at member '" +
                        node.name + "': " + what + ". It is waited for, since min_peers " +
                        std::to_string(contract.config.min_peers) + " needs it of " +
                        std::to_string(contract.active_count()) +
                        " active members: look at its SL, and at the network between them"),
           effects);
}

}  // namespace starling
