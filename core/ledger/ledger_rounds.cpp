// A round from its check-ins until its members are fixed, its further attempts, and its deadlines.
#include <algorithm>

#include "core/ledger/ledger_internal.hpp"

namespace starling {

Answer Ledger::check_in(const Entry& entry, const CheckInRound& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || active_member(*contract, entry.signer) == nullptr) {
        return denied(Errc::stale,
                      "node '" + entry.signer.name + "' is not an active member of this run");
    }
    if (command.round != contract->round || contract->phase != ContractPhase::gathering) {
        return denied(Errc::stale,
                      "round " + std::to_string(command.round) + " no longer accepts check-ins");
    }
    CheckIn said = command.check_in;
    if (contract->config.non_finite == NonFinitePolicy::allow) {
        said.non_finite = false;
    } else if (said.non_finite) {
        note_non_finite(*contract, entry.signer, entry.signer);
        if (contract->config.non_finite == NonFinitePolicy::refuse) {
            said.weight = 0;  // it takes part, and goes on from what the others merge
        }
    }
    contract->members.change(entry.signer, [&](Member& member) {
        member.heard_at = time_of(entry);
        member.check_in = said;
        member.check_in_index = index_;
    });
    contract->version = index_;
    note_early_merge(*contract, entry.signer, command.merged);
    const bool missed_the_last =
        contract->last_commit && contract->last_commit->members.find(entry.signer) == nullptr;
    if (missed_the_last && further_holders(*contract).find(entry.signer) != nullptr) {
        note_decision(*contract);  // for those that look for the model of that commit
    }
    events_.push_back(
        CheckedIn{contract->name, entry.signer, contract->round, contract->checked_in_count(),
                  command.merged ? std::optional(command.merged->digest) : std::nullopt});
    freeze_if_ready(*contract, time_of(entry));
    return accepted(contract->run);
}

void Ledger::freeze_if_ready(Contract& contract, SwarmTime now) {
    const std::uint32_t here = contract.checked_in_count();
    if (here < contract.config.min_peers) {
        return;
    }
    if (!has_weight(contract)) {
        end_if_none_finite(contract);
        return;
    }
    // Expected are all active members and, before the first round, all registered SLs, which are
    // about to enrol.
    const auto all_registered = [&] {
        return contract.round > 0 ||
               std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
                   return entry.second.role != Role::sl || entry.second.lost ||
                          contract.members.count(entry.first) > 0;
               });
    };
    if (contract.config.grace_ns == 0 || (here == contract.active_count() && all_registered())) {
        freeze(contract, false, now);
        return;
    }
    const SwarmTime grace_over = now + SwarmDuration{contract.config.grace_ns};
    const bool gathering_quorum = here == contract.config.min_peers;
    if (!contract.deadline || gathering_quorum) {
        contract.deadline = grace_over;
    }
}

void Ledger::freeze(Contract& contract, bool retry, SwarmTime now) {
    const MemberList before = contract.frozen;
    std::vector<RoundMember> frozen;
    frozen.reserve(contract.checked_in_count());  // 100,000 of them are kept
    for (auto& [id, member] : contract.members) {
        if (member.status == MemberStatus::active && member.check_in) {
            frozen.push_back({.id = id,
                              .address = member.address,
                              .weight = member.check_in->weight,
                              .check_in_index = member.check_in_index,
                              .site = member.site,
                              .session = session_of(id)});
        }
    }
    choose_owners(contract, frozen);
    contract.frozen = std::move(frozen);
    const std::vector<MemberReport> early = std::exchange(contract.reports.recorded, {});
    if (!retry) {
        contract.departed.clear();
    }
    for (const RoundMember& member : before) {
        if (contract.frozen.find(member.id) == nullptr) {
            contract.departed.push_back(member.id);
        }
    }
    std::sort(contract.departed.begin(), contract.departed.end());
    contract.phase = ContractPhase::exchanging;
    contract.deadline.reset();
    note_decision(contract);
    events_.push_back(RoundFrozen{contract.name, contract.round, contract.attempt,
                                  static_cast<std::uint32_t>(contract.frozen.size()), retry});
    commit_if_merged_early(contract, early, now);
}

void Ledger::set_wait_deadline(Contract& contract, SwarmTime now) {
    if (contract.config.wait_limit_ns > 0) {
        contract.deadline = now + SwarmDuration{contract.config.wait_limit_ns};
    }
}

/// A new attempt with the remaining members, or gathering until there are enough again.
void Ledger::retry_without(Contract& contract, SwarmTime now) {
    ++contract.attempt;
    note_decision(contract);
    if (contract.checked_in_count() >= contract.config.min_peers && has_weight(contract)) {
        freeze(contract, true, now);
        return;
    }
    contract.stop_exchange();
    contract.phase = ContractPhase::gathering;
    set_wait_deadline(contract, now);
}

Answer Ledger::expire(const Entry& entry, const ExpireDeadline& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || !contract->deadline ||
        to_ns(*contract->deadline) != command.deadline_ns) {
        return denied(Errc::stale, "that deadline is no longer set");
    }
    contract->deadline.reset();
    note_decision(*contract);
    const std::uint32_t here = contract->checked_in_count();
    if (contract->phase == ContractPhase::gathering && here >= contract->config.min_peers) {
        // The members with weight may have left since the grace period began.
        if (has_weight(*contract)) {
            freeze(*contract, false, time_of(entry));
        } else {
            set_wait_deadline(*contract, time_of(entry));
        }
        return accepted(contract->run);
    }
    std::string names;
    for (const auto& [id, member] : contract->members) {
        if (member.status == MemberStatus::active) {
            names += (names.empty() ? "" : ", ") + id.name;
        }
    }
    end(*contract, ContractPhase::aborted,
        "the wait limit of " + std::to_string(contract->config.wait_limit_ns / 1'000'000'000) +
            " s is over: " + std::to_string(contract->active_count()) + " of min_peers " +
            std::to_string(contract->config.min_peers) + " members are present (" + names + ")");
    return accepted(contract->run);
}

}  // namespace starling
