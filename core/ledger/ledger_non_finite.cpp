// Parameters with NaN or infinity: counts by member, and the end of a run in which nobody's can be
// used.
#include <algorithm>

#include "core/base/names_text.hpp"
#include "core/ledger/ledger.hpp"

namespace starling {

/// Counted once a round for each member, whether its own SL or other members report it.
void Ledger::note_non_finite(Contract& contract, const NodeId& node, const NodeId& by) {
    NonFiniteRounds& rounds = contract.non_finite[node];
    if (rounds.count > 0 && rounds.last == contract.round) {
        return;
    }
    ++rounds.count;
    rounds.last = contract.round;
    note_decision(contract);
    events_.push_back(ContributionNotFinite{contract.name, node, by, contract.round, rounds.count,
                                            contract.config.non_finite == NonFinitePolicy::refuse});
}

/// A member's report is no proof: it has no consequence for the named one.
Answer Ledger::name_non_finite(const Entry& entry, const NameNonFinite& command) {
    Contract* contract = current(command.contract, command.run);
    if (contract == nullptr || contract->phase != ContractPhase::exchanging ||
        contract->round != command.round) {
        return {Errc::stale, "that round has ended"};
    }
    const auto takes_part = [&](const NodeId& node) {
        return contract->frozen.find(node) != nullptr;
    };
    if (!takes_part(entry.signer) || !takes_part(command.node) || entry.signer == command.node ||
        contract->config.non_finite == NonFinitePolicy::allow) {
        return {Errc::stale, "no such member in this attempt"};
    }
    note_non_finite(*contract, command.node, entry.signer);
    return {Errc::ok, "", contract->run};
}

/// All active members have checked in and none has parameters that can be merged: the run ends,
/// since nobody is left to wait for.
void Ledger::end_if_none_finite(Contract& contract) {
    std::vector<NodeId> hold_non_finite;
    for (const auto& [id, member] : contract.members) {
        if (member.status != MemberStatus::active) {
            continue;
        }
        if (!member.check_in) {
            return;
        }
        if (member.check_in->non_finite) {
            hold_non_finite.push_back(id);
        }
    }
    if (hold_non_finite.empty()) {
        return;
    }
    end(contract, ContractPhase::aborted,
        "nobody's parameters can be merged in round " + std::to_string(contract.round) +
            ": those of " + names_text(hold_non_finite, "", "'") +
            " contain NaN or infinity. Check the loss, the learning rate and the data there");
}

}  // namespace starling
