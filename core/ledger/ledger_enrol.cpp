// Who takes part in which contract, and where a contract begins.
#include "core/ledger/ledger_bounds.hpp"
#include "core/ledger/ledger_internal.hpp"
#include "core/params/param_layout.hpp"

namespace starling {
namespace {

/// An SL serves one program, which takes part in one.
constexpr std::size_t contracts_of_node_max = 4;

/// A member of a complete run that has not left it: it may lack the final model. Once it has left,
/// it begins a new run.
bool has_missed_the_end(const Contract& contract, const NodeId& node) {
    const auto member = contract.members.find(node);
    return contract.phase == ContractPhase::complete && member != contract.members.end() &&
           member->second.status != MemberStatus::left;
}

Answer layout_differs(const Contract& contract, const ParamLayout& theirs) {
    const Result<ParamLayout> ours = ParamLayout::parse(contract.layout_text);
    std::string text =
        "the model differs from the one that contract '" + contract.name + "' started with";
    if (ours) {
        text += ": it has " + ours->summary() + ", this program " + theirs.summary() + "; " +
                first_difference(*ours, theirs);
    }
    return denied(Errc::layout_mismatch, std::move(text));
}

}  // namespace

/// Whether enrol() would accept the command.
Answer Ledger::check_enrol(const Entry& entry, const Enrol& command) const {
    const auto node = nodes_.find(entry.signer);
    if (node == nodes_.end() || node->second.role != Role::sl) {
        return denied(Errc::refused, "node '" + entry.signer.name + "' is not registered as an SL");
    }
    if (command.contract.empty()) {
        return denied(Errc::malformed, "a contract must have a name");
    }
    const Result<ParamLayout> layout = ParamLayout::parse(command.layout_text);
    if (!layout || layout->size_bytes() != command.config.layout_bytes) {
        return denied(Errc::malformed,
                      "the layout of node '" + entry.signer.name + "' is malformed");
    }
    const Contract* contract = find_contract(command.contract);
    if (command.back_to && contract != nullptr && contract->run == *command.back_to &&
        has_missed_the_end(*contract, entry.signer)) {
        return command.config != contract->config || command.layout_text != contract->layout_text
                   ? denied(Errc::stale, "contract '" + contract->name + "' has ended")
                   : accepted();
    }
    if (command.back_to && (contract == nullptr || contract->run != *command.back_to)) {
        return denied(Errc::stale, "run " + std::to_string(*command.back_to) + " of contract '" +
                                       command.contract + "' has ended, and another one has begun");
    }
    std::size_t others = 0;
    std::size_t live = 0;
    for (const auto& [name, other] : contracts_) {
        live += other.has_ended() ? 0U : 1U;
        const auto member = other.members.find(entry.signer);
        others += name != command.contract && !other.has_ended() && member != other.members.end() &&
                          member->second.status == MemberStatus::active
                      ? 1U
                      : 0U;
    }
    if (others >= contracts_of_node_max) {
        return denied(Errc::too_large, "node '" + entry.signer.name + "' takes part in " +
                                           std::to_string(others) + " other contracts");
    }
    if (contract == nullptr || contract->has_ended()) {
        return contract == nullptr && live >= contracts_max
                   ? denied(Errc::too_large, "this swarm already has " +
                                                 std::to_string(contracts_max) + " contracts")
                   : accepted();
    }
    if (contract->has_expelled(entry.signer)) {
        return denied(Errc::refused, expelled_text(*contract, entry.signer));
    }
    if (command.config.layout_fingerprint != contract->config.layout_fingerprint ||
        command.layout_text != contract->layout_text) {
        return layout_differs(*contract, *layout);
    }
    if (command.config != contract->config) {
        return denied(Errc::config_mismatch, "the options differ from those that contract '" +
                                                 contract->name + "' started with: it has " +
                                                 to_string(contract->config) + "; this program " +
                                                 to_string(command.config));
    }
    if (contract->members.count(entry.signer) == 0) {
        if (contract->members.size() == members_max ||
            contract->members.counts.name_bytes + name_bytes_of(entry.signer) > name_bytes_max) {
            return denied(Errc::too_large, "contract '" + contract->name + "' has " +
                                               std::to_string(contract->members.size()) +
                                               " members, which is the maximum");
        }
    }
    return accepted();
}

/// Evicts the ended contract that has not changed for longest, first those without a model.
/// Otherwise a node that begins many contracts would keep all others out.
void Ledger::make_room() {
    auto oldest = contracts_.end();
    for (auto one = contracts_.begin(); one != contracts_.end(); ++one) {
        const auto rank = [](const Contract& contract) {
            return std::pair(contract.last_commit.has_value(), contract.version);
        };
        if (one->second.has_ended() &&
            (oldest == contracts_.end() || rank(one->second) < rank(oldest->second))) {
            oldest = one;
        }
    }
    if (contracts_.size() >= contracts_max && oldest != contracts_.end()) {
        past_runs_[oldest->first] = oldest->second.run;
        contracts_.erase(oldest);
    }
}

Answer Ledger::enrol(const Entry& entry, const Enrol& command) {
    if (Answer checked = check_enrol(entry, command); checked.code != Errc::ok) {
        return checked;
    }
    auto found = contracts_.find(command.contract);
    if (command.back_to && has_missed_the_end(found->second, entry.signer)) {
        return come_back(entry, found->second);
    }
    const bool fresh = found == contracts_.end() || found->second.has_ended();
    if (fresh) {
        Contract contract;
        contract.name = command.contract;
        if (found != contracts_.end()) {
            contract.run = found->second.run + 1;
        } else if (const auto past = past_runs_.find(command.contract); past != past_runs_.end()) {
            contract.run = past->second + 1;
            past_runs_.erase(past);
        }
        contract.config = command.config;
        contract.layout_text = command.layout_text;
        if (found == contracts_.end()) {
            make_room();
        }
        found = contracts_.insert_or_assign(command.contract, std::move(contract)).first;
    }
    Contract& contract = found->second;
    if (const Member* const known = active_member(contract, entry.signer);
        contract.phase == ContractPhase::exchanging && known != nullptr && known->check_in) {
        // Its parameters are being exchanged. A restarted SL registers first, which removes it from
        // the attempt.
        return accepted(contract.run);
    }
    contract.members.change(entry.signer, [&](Member& member) {
        member = Member{};
        member.address = nodes_.at(entry.signer).address;
        member.site = command.site;
        member.heard_at = time_of(entry);
    });
    contract.version = index_;
    if (contract.members.size() == 1) {
        set_wait_deadline(contract, time_of(entry));
    }
    events_.push_back(MemberEnrolled{contract.name, entry.signer, fresh});
    return accepted(contract.run);
}

/// Lets a member that was away at the end of the training learn its outcome.
Answer Ledger::come_back(const Entry& entry, Contract& contract) {
    contract.members.change(
        entry.signer, [&](Member& member) { member.address = nodes_.at(entry.signer).address; });
    note_decision(contract);
    return accepted(contract.run);
}

}  // namespace starling
