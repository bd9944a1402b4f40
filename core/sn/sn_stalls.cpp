// The progress of transfers, and the exclusion of members that stall a round.
#include <algorithm>
#include <utility>

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

/// A rate is measured over one to two of these.
constexpr SwarmDuration rate_window = std::chrono::seconds(10);
/// For the hash of a merged model, and to write it, in bytes a second.
constexpr double slowest_disk = 10e6;
/// After its election a leader hears from each member before it judges what it knew before: three
/// heartbeats where these are rare. No longer, since an SN that raises terms makes each new leader
/// wait anew.
SwarmDuration settling(int interval_factor) {
    return std::max<SwarmDuration>(std::chrono::seconds(10),
                                   std::chrono::seconds(3) * interval_factor);
}

bool weight_without(const MemberList& members, const NodeId& left_out) {
    return std::any_of(members.begin(), members.end(), [&](const RoundMember& member) {
        return member.id != left_out && member.weight > 0;
    });
}

}  // namespace

void SnPeer::on_frame(SwarmTime now) {
    if (heard && connected) {
        longest_pause = std::max(now - last_heard, longest_pause * 15 / 16);
    }
    last_heard = now;
    heard = true;
}

void SnPeer::on_heartbeat(SwarmTime now, const Heartbeat& news) {
    const bool same = news.contract == heartbeat.contract && news.run == heartbeat.run &&
                      news.round == heartbeat.round && news.attempt == heartbeat.attempt;
    const Measured measured{now, news.progress.received_bytes};
    if (!same || measured.bytes < rate.to.bytes) {  // or a fetch has started over
        rate.from = measured;
        rate.to = measured;
    } else if (now - rate.to.at >= rate_window) {
        rate.from = rate.to;
        rate.to = measured;
    }
    const RoundKey key{news.contract, news.run, news.round, news.attempt};
    const std::uint64_t bytes = news.progress.received_bytes;
    if (news.progress.expected_bytes > 0 &&
        (transfer.key != key || transfer.session != news.session || transfer.bytes != bytes)) {
        transfer = {key, news.session, bytes, now};
    } else if (news.progress.expected_bytes == 0 && !news.contract.empty()) {
        transfer = {};  // it is over; the first news of a new connection names no contract
    }
    forget_sent_parts(now);
    heartbeat = Heartbeat(news);  // so that its lists take no more memory than they need
    heartbeat_at = now;
    if (!news.senders.empty()) {
        received = {key, std::exchange(heartbeat.senders, {})};
    }
}

Heartbeat SnPeer::heartbeat_with_senders() const {
    Heartbeat whole = heartbeat;
    if (received.key ==
        RoundKey{heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt}) {
        whole.senders = received.senders;
    }
    return whole;
}

double SnPeer::bytes_per_second() const {
    const double seconds = to_seconds(heartbeat_at - rate.from.at);
    return seconds < 1
               ? 0.0
               : static_cast<double>(heartbeat.progress.received_bytes - rate.from.bytes) / seconds;
}

void SnNode::note_heartbeat(const Heartbeat& heartbeat, Peer& peer) {
    const RoundKey key{heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt};
    // Also from before a new connection: members that wait change their SN, and what they had
    // before that does not move then.
    const SnPeer::Transfer& last = peer.transfer;
    const bool same = motions_.of(heartbeat.contract).key == key && last.key == key &&
                      last.session == heartbeat.session;
    const auto before = same ? std::optional(last.bytes) : std::nullopt;
    const Contract* contract = ledger().find_contract(heartbeat.contract);
    const bool on = contract != nullptr && contract->phase == ContractPhase::exchanging &&
                    reports_.is_about(key, *contract);
    if (motions_.note(key, on, before, heartbeat.progress.received_bytes, now_)) {
        status_.mark_changed();
    } else if (contract == nullptr) {
        motions_.forget(heartbeat.contract);
    }
    peer.on_heartbeat(now_, heartbeat);
}

/// Who waits for whom in the attempt that is on, by what its members say; the fault may be on
/// either side. Two that refuse each other's certificates are told apart from two that stand still.
StalledPairs SnNode::stalled_pairs(const Contract& contract, bool with_unmerged) {
    StalledPairs pairs;
    const auto merges = [&](const NodeId& node) {
        const RoundMember* const member = contract.frozen.find(node);
        return member != nullptr && member->merges;
    };
    auto peer = peers_.begin();  // both are in the order of their ids
    for (const RoundMember& member : contract.frozen) {
        while (peer != peers_.end() && peer->first < member.id) {
            ++peer;
        }
        if (peer == peers_.end() || peer->first != member.id ||
            peer->second.heartbeat.stalls.empty()) {
            continue;
        }
        const Heartbeat& heartbeat = peer->second.heartbeat;
        if (!reports_.is_about(
                {heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt},
                contract)) {
            continue;
        }
        for (const Stall& stall : heartbeat.stalls) {
            // Two that merge nothing have nothing to send to each other.
            if (stall.node == member.id || !contract.members.contains(stall.node) ||
                (!member.merges && !merges(stall.node))) {
                continue;
            }
            if (with_unmerged) {
                pairs.waiting.insert(member.id);
            }
            if (stall.merged && !reports_.has(contract, stall.node)) {
                if (with_unmerged) {
                    pairs.unmerged.emplace(member.id, stall.node);
                }
            } else {
                pairs.all.insert(std::minmax(member.id, stall.node));
            }
            if (stall.refused) {
                pairs.refused.insert(std::minmax(member.id, stall.node));
            }
        }
    }
    return pairs;
}

/// Nobody says that it waits for segments, and a member does not say what it has merged. Of several
/// the one that has held up most of the run.
std::optional<NodeId> SnNode::unreported(const Contract& contract) const {
    const NodeId* worst = nullptr;
    std::size_t missing = 0;
    for (const RoundMember& member : contract.frozen) {
        if (reports_.has(contract, member.id)) {
            continue;
        }
        ++missing;
        if (worst == nullptr || holdups_of(contract, member.id) >= holdups_of(contract, *worst)) {
            worst = &member.id;
        }
    }
    const bool some_reported = missing < contract.frozen.size();
    return worst != nullptr && some_reported ? std::optional(*worst) : std::nullopt;
}

/// Who holds the attempt up, as far as its members' words show. Time counts from the attempt's
/// beginning and not from this SN's election: an SN that raises terms ends each leadership early,
/// and others lead in turn. Each SN knows when it applied the attempt's entry. What moved while
/// another one led shows in the next heartbeats, since they count all bytes of the attempt; the
/// first one that an SN hears from a member counts as motion now.
std::optional<SnNode::HeldUp> SnNode::holds_up(const Contract& contract) {
    const RoundMotion& motion = motions_.of(contract.name);
    const SwarmTime began = std::max(motion.began_at, started_);
    const SwarmDuration quiet = now_ - std::max(motion.moved_at, began);
    const SwarmDuration age = now_ - began;
    const SwarmDuration for_disk =
        from_seconds(static_cast<double>(contract.config.layout_bytes) / slowest_disk);
    const SwarmDuration to_report = std::chrono::minutes(1) + for_disk;
    const bool settled = now_ - leadership_.led_since() >= settling(leases_.interval_factor());
    const bool still = settled && quiet >= standstill_of(contract, motion);
    const bool silent = settled && quiet >= longest_silence + for_disk;
    const PairLimits limits(contract);
    const bool judges_owners = settled && (silent || age - to_report >= limits.shortest());
    StalledPairs pairs = stalled_pairs(contract, judges_owners || still);
    if (still && pairs.all.empty()) {
        pairs.all = owed_by_both(pairs.unmerged);
    }
    if (judges_owners && pairs.all.empty()) {
        const auto owed = owed_by_the_last(pairs.unmerged, pairs.waiting);
        pairs.all = silent ? owed : limits.overdue(owed, age - to_report);
    }
    const auto overdue = settled ? limits.overdue(pairs.all, age) : std::set<MemberPair>();
    const auto& stalled = still ? pairs.all : !overdue.empty() ? overdue : pairs.refused;
    if (!stalled.empty()) {
        auto [node, others] = most_blamed(stalled, contract);
        const std::string count = std::to_string(others.size()) +
                                  (others.size() == 1 ? " other member" : " other members");
        return HeldUp{std::move(node), std::move(others), !still && overdue.empty(),
                      still || overdue.empty()
                          ? "nothing moves between it and " + count
                          : "the exchange took longer than at " +
                                std::to_string(contract.config.slowest_link) +
                                " bytes/s (the contract's slowest link) between it and " + count};
    }
    const bool late = silent || (settled && age >= limits.of_attempt() + to_report);
    const auto missing = late ? unreported(contract) : std::nullopt;
    return missing
               ? std::optional(HeldUp{*missing,
                                      {},
                                      false,
                                      "it does not report a merge, or not one that is on its disk"})
               : std::nullopt;
}

/// How the round goes on: without a member that exchanges nothing with most others, which one
/// hostile member can't make of another one; else with both sides of the pair, for which the others
/// merge; where nobody would be left for that, without the member after all. Nothing: it waits.
std::optional<Command> SnNode::resolve_stall(const Contract& contract,
                                             const HeldUp& held_up) const {
    // Others that have not checked in yet may take its place.
    const bool enough = contract.active_count() > contract.config.min_peers &&
                        weight_without(contract.frozen, held_up.node);
    const bool by_most =
        held_up.others.empty() || 2 * held_up.others.size() > contract.frozen.size() - 1;
    const bool is_news =
        std::any_of(held_up.others.begin(), held_up.others.end(),
                    [&](const NodeId& other) { return !contract.are_apart(held_up.node, other); });
    const bool others_merge = is_news && leaves_an_owner(contract, held_up.node, held_up.others);
    if (others_merge && !(enough && by_most)) {
        return KeepApart{contract.name,    contract.run, contract.round,
                         contract.attempt, held_up.node, held_up.others};
    }
    if (enough) {
        return ExcludeMember{contract.name, contract.run,    contract.round, contract.attempt,
                             held_up.node,  held_up.refused, held_up.why};
    }
    return std::nullopt;
}

/// Members that can't reach each other would hold up the round for ever. Not while bytes move: the
/// round could not have ended yet, so nothing is lost by waiting. But no longer than its slowest
/// link explains, or a member that sends a byte now and then would hold it for ever.
void SnNode::check_stalls(Outbox& out) {
    if (!raft().leads() || options_.planted.keep_stalled_members) {
        return;
    }
    std::vector<Command> commands;
    for (const auto& [name, contract] : ledger().contracts()) {
        const std::optional<HeldUp> held_up =
            contract.phase == ContractPhase::exchanging ? holds_up(contract) : std::nullopt;
        if (!held_up) {
            continue;
        }
        if (std::optional<Command> command = resolve_stall(contract, *held_up)) {
            commands.push_back(std::move(*command));
        } else {
            warn_stall(contract, held_up->node, held_up->why, out);
        }
    }
    for (Command& command : commands) {
        propose({0, options_.id, 0, 0, std::move(command)}, out);
    }
}

void SnNode::warn_stall(const Contract& contract, const NodeId& node, const std::string& what,
                        Outbox& out) {
    if (!motions_.show({contract.name, contract.run, contract.round, contract.attempt}, now_)) {
        return;
    }
    report(TraceEvent("round_stands_still")
               .with("contract", contract.name)
               .with("round", contract.round)
               .with("node", node.name)
               .log(Level::warning, component,
                    "Round " + std::to_string(contract.round) + " is stalled at member '" +
                        node.name + "': " + what + ". It is waited for, since min_peers " +
                        std::to_string(contract.config.min_peers) + " needs it of " +
                        std::to_string(contract.active_count()) +
                        " active members: check its SL, and the network between them"),
           out);
}

}  // namespace starling
