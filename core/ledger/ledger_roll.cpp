// Commands that are checked against the roll.
#include "core/base/overloaded.hpp"
#include "core/ledger/ledger.hpp"

namespace starling {

/// Whether the roll allows the command.
Answer Ledger::check_roll_command(const Entry& entry) const {
    const NodeId& signer = entry.signer;
    const Result<void> may = std::visit(
        Overloaded{
            [&](const RegisterNode& c) { return roll_.may_register(signer, c.credentials.ca); },
            [&](const SwarmRules&) { return roll_.may_set_rules(signer); },
            [&](const ChangeRoll& c) -> Result<void> {
                const auto node = nodes_.find(signer);
                if (node == nodes_.end() || node->second.role != Role::tool) {
                    return Error{Errc::refused,
                                 "'" + signer.name + "' is not registered as a tool"};
                }
                return roll_.may_change(signer, c);
            },
            [](const auto&) { return Result<void>(); },
        },
        entry.command);
    return may ? Answer{} : Answer{may.error().code, may.error().message, 0};
}

Answer Ledger::set_rules(const Entry& entry, const SwarmRules& command) {
    Answer checked = check_roll_command(entry);
    if (checked.code == Errc::ok) {
        roll_.set_rules(entry.signer, command, index_);
        events_.push_back(RollChanged{std::nullopt, entry.signer.name});
    }
    return checked;
}

Answer Ledger::change_roll(const Entry& entry, const ChangeRoll& command) {
    Answer checked = check_roll_command(entry);
    if (checked.code != Errc::ok) {
        return checked;
    }
    const bool done = roll_.change(entry.signer, command, index_);
    if (done && command.kind == ChangeRoll::Kind::expel) {
        expel(command.node, entry);
    }
    events_.push_back(RollChanged{command.node, entry.signer.name, done});
    return checked;
}

/// Expels the node from everything; its rounds continue as after a lost member.
void Ledger::expel(const NodeId& node, const Entry& entry) {
    for (auto& [name, contract] : contracts_) {
        remove_member(contract, node, MemberStatus::expelled,
                      "expelled by '" + entry.signer.name + "'", time_of(entry));
    }
    if (const auto known = nodes_.find(node); known != nodes_.end()) {
        known->second.lost = true;
    }
}

}  // namespace starling
