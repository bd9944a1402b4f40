// Members that delay the others: excluded from a round, kept apart, lost, or expelled.
#include <algorithm>

#include "core/ledger/ledger.hpp"

namespace starling {
namespace {

bool is_in_attempt(const Contract& contract, Round round, Attempt attempt) {
    return contract.phase == ContractPhase::exchanging && contract.round == round &&
           contract.attempt == attempt;
}

bool has_deviated(const Contract& contract, const NodeId& node, Round round) {
    const auto member = contract.members.find(node);
    return member != contract.members.end() && member->second.deviated_in &&
           *member->second.deviated_in == round;
}

/// Leaves one of those that merge: another one after each attempt without a majority.
void choose_one_owner(std::vector<RoundMember>& frozen, std::uint32_t turn) {
    const auto candidates = static_cast<std::uint32_t>(
        std::count_if(frozen.begin(), frozen.end(), [](const auto& m) { return m.merges; }));
    std::uint32_t place = 0;
    for (RoundMember& member : frozen) {
        member.merges = member.merges && place++ == turn % candidates;
    }
}

}  // namespace

Answer Ledger::exclude(const Entry& entry, const ExcludeMember& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || !is_in_attempt(*contract, command.round, command.attempt)) {
        return {Errc::stale, "that attempt has ended"};
    }
    const auto member = contract->members.find(command.node);
    if (member == contract->members.end() || !member->second.check_in) {
        return {Errc::not_found, "no such member in this attempt"};
    }
    contract->members.change(command.node, [](Member& out) { out.check_in.reset(); });
    events_.push_back(MemberExcluded{contract->name, command.node, command.reason});
    note_holdup(*contract, command.node, command.refused ? rounds_per_refusal : rounds_per_holdup);
    retry_without(*contract, time_of(entry));
    expel_who_holds_up(*contract, time_of(entry));
    return {Errc::ok, "", contract->run};
}

void Ledger::note_holdup(Contract& contract, const NodeId& node, std::uint32_t rounds) {
    if (contract.members.contains(node)) {
        contract.holdups[node] += rounds;
    }
}

/// A member stays if the run would fall below its quorum. One that is away can't come back.
void Ledger::expel_who_holds_up(Contract& contract, SwarmTime now) {
    for (const auto& [node, points] : std::map<NodeId, std::uint32_t>(contract.holdups)) {
        if (points < holdups_max * rounds_per_holdup || contract.has_ended()) {
            continue;
        }
        const std::string reason =
            "expelled: it delayed " + std::to_string(holdups_max) +
            " rounds (leaving during a round, or refusing connections, counts a tenth)";
        const MemberStatus status = contract.members.at(node).status;
        if (status == MemberStatus::active && contract.active_count() > contract.config.min_peers) {
            remove_member(contract, node, MemberStatus::expelled, reason, now);
        } else if (status == MemberStatus::lost &&
                   contract.active_count() >= contract.config.min_peers) {
            contract.members.change(node,
                                    [](Member& member) { member.status = MemberStatus::expelled; });
            note_decision(contract);
            events_.push_back(MemberGone{contract.name, node, false, reason});
        }
    }
}

/// The members of an attempt that own segments: all but those that are kept apart from another one
/// of it; if none is left, all of them.
void Ledger::choose_owners(const Contract& contract, std::vector<RoundMember>& frozen) {
    const auto find = [&](const NodeId& node) {
        const auto at =
            std::lower_bound(frozen.begin(), frozen.end(), node,
                             [](const RoundMember& m, const NodeId& id) { return m.id < id; });
        return at != frozen.end() && at->id == node ? at : frozen.end();
    };
    for (const auto& [a, b] : contract.apart) {
        const auto one = find(a);
        const auto other = find(b);
        if (one != frozen.end() && other != frozen.end()) {
            one->merges = false;
            other->merges = false;
        }
    }
    if (std::none_of(frozen.begin(), frozen.end(), [](const RoundMember& m) { return m.merges; })) {
        for (RoundMember& member : frozen) {
            member.merges = true;
        }
    }
    if (contract.reports.undecided > 0) {
        choose_one_owner(frozen, contract.reports.undecided - 1);
    }
}

/// Nobody is excluded or blamed.
Answer Ledger::keep_apart(const Entry& entry, const KeepApart& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || !is_in_attempt(*contract, command.round, command.attempt)) {
        return {Errc::stale, "that attempt has ended"};
    }
    const auto is_member = [&](const NodeId& node) { return contract->members.contains(node); };
    MembersKeptApart kept{contract->name, command.node, {}, contract->round};
    for (const NodeId& other : command.others) {
        if (is_member(command.node) && is_member(other) && other != command.node &&
            contract->apart.insert(std::minmax(command.node, other)).second) {
            kept.others.push_back(other);
        }
    }
    if (kept.others.empty()) {
        return {Errc::not_found, "no such members in this attempt"};
    }
    events_.push_back(std::move(kept));
    retry_without(*contract, time_of(entry));
    return {Errc::ok, "", contract->run};
}

/// Either the sender of the segments, their owner or a tree's relay, has sent this member other
/// bytes than the others, or the member accuses an honest one: neither merges for the other again,
/// and the round counts as nobody's deviation. An accusation of most others is not believed, so
/// that a faulty machine is still expelled.
Answer Ledger::name_false_merge(const Entry& entry, const NameFalseMerge& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || !contract->deviations.contains(entry.signer) ||
        contract->deviations.at(entry.signer) == 0) {
        return {Errc::stale, "no merge of that node deviated in this run"};
    }
    if (has_deviated(*contract, command.owner, command.round) &&
        has_deviated(*contract, entry.signer, command.round) && command.owner != entry.signer) {
        // A tree's relay that passed on what it had: its own report shows that it was misled, or
        // is at fault, so it is not the one to be kept apart.
        --contract->deviations.at(entry.signer);
        contract->members.at(entry.signer).deviated_in.reset();
        note_decision(*contract);
        return {Errc::ok, "", contract->run};
    }
    if (!contract->members.contains(command.owner) || command.owner == entry.signer ||
        contract->are_apart(entry.signer, command.owner)) {
        return {Errc::not_found, "no such owner in that round"};
    }
    const auto apart = static_cast<std::size_t>(
        std::count_if(contract->members.begin(), contract->members.end(), [&](const auto& member) {
            return member.second.status == MemberStatus::active &&
                   contract->are_apart(entry.signer, member.first);
        }));
    if (2 * (apart + 1) > contract->active_count() - 1) {
        return {Errc::refused, "its merges differ from those of most others"};
    }
    contract->apart.insert(std::minmax(entry.signer, command.owner));
    --contract->deviations.at(entry.signer);
    note_decision(*contract);
    events_.push_back(
        MembersKeptApart{contract->name, entry.signer, {command.owner}, command.round, true});
    return {Errc::ok, "", contract->run};
}

/// Members whose program hangs, or that joined without training: a run is complete only once all
/// members have finished.
void Ledger::lose_absent(Contract& contract, SwarmTime now) {
    const SwarmDuration limit =
        std::max<SwarmDuration>(shortest_absence, absence_rounds * contract.times.longest);
    std::vector<NodeId> absent;
    for (const auto& [id, member] : contract.members) {
        if (member.status == MemberStatus::active && now - member.heard_at > limit) {
            absent.push_back(id);
        }
    }
    for (const NodeId& id : absent) {
        if (contract.phase == ContractPhase::gathering) {
            note_holdup(contract, id, rounds_per_holdup);
            remove_member(contract, id, MemberStatus::lost,
                          "it sent no check-in for longer than an hour and " +
                              std::to_string(absence_rounds) + " rounds",
                          now);
        }
    }
    expel_who_holds_up(contract, now);
}

}  // namespace starling
