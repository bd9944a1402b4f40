// The replicated state machine: nodes, contracts, their rounds and members, as the agreed entries
// leave them. Every SN applies the same entries in the same order (state machine replication;
// Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014), so what
// follows depends on nothing else: no clock (time stands in the entries), no randomness.
//
// A round gathers until min_peers members, some of them with weight, have checked in, and a grace
// period for the others is over (freeze_if_ready, ledger_rounds.cpp); then its members are fixed
// (freeze) and exchange parameters until they agree on a digest (ledger_commit.cpp). If a member is
// lost meanwhile, the next attempt begins with the check-ins that are left (retry_without). A run
// is complete with the round in which all members are finished, and aborted where those that are
// here or may come back are fewer than min_peers (remove_member).
//
// Invariants: `frozen` is ascending by node ID and not empty while a round is exchanged; attempts
// of a round only grow; a command takes effect once, by session and sequence of its signer.
#include "core/ledger/ledger.hpp"

#include <utility>

#include "core/base/overloaded.hpp"
#include "core/ledger/ledger_internal.hpp"

namespace starling {

const Contract* Ledger::find_contract(const std::string& name) const {
    const auto found = contracts_.find(name);
    return found == contracts_.end() ? nullptr : &found->second;
}

const RegisteredNode* Ledger::find_node(const NodeId& node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::session_of(const NodeId& node) const {
    const RegisteredNode* const found = find_node(node);
    return found == nullptr ? 0 : found->session;
}

std::optional<Answer> Ledger::answer_of(const NodeId& signer, std::uint64_t session,
                                        std::uint64_t sequence) const {
    const auto found = sessions_.find(signer);
    if (session == 0 || found == sessions_.end()) {
        return std::nullopt;
    }
    if (session < found->second.session) {
        return denied(Errc::replaced,
                      "this command is of an earlier session of '" + signer.name + "'");
    }
    if (session > found->second.session || sequence > found->second.sequence) {
        return std::nullopt;
    }
    return found->second.sequence == sequence
               ? found->second.answer
               : denied(Errc::stale, "this command was answered before");
}

Applied Ledger::apply(const Entry& entry, std::uint64_t index) {
    index_ = index;
    if (std::optional<Answer> answer = answer_of(entry.signer, entry.session, entry.sequence)) {
        return {std::move(*answer), {}};
    }
    Applied applied = execute(entry);
    // An SN signs with session 0: its own entries are idempotent by content, not by sequence.
    if (entry.session != 0) {
        sessions_[entry.signer] = {entry.session, entry.sequence, applied.answer};
    }
    return applied;
}

Applied Ledger::execute(const Entry& entry) {
    events_.clear();
    Answer answer =
        std::visit(Overloaded{
                       [&](const RegisterNode& c) { return register_node(entry, c); },
                       [&](const Enrol& c) { return enrol(entry, c); },
                       [&](const CheckInRound& c) { return check_in(entry, c); },
                       [&](const CommitRound& c) { return commit(entry, c); },
                       [&](const LeaveContract& c) { return leave(entry, c); },
                       [&](const ExpireDeadline& c) { return expire(entry, c); },
                       [&](const LoseNode& c) { return lose(entry, c); },
                       [&](const ExcludeMember& c) { return exclude(entry, c); },
                       [&](const ReadBarrier&) { return accepted(); },
                       [&](const Checkpoint&) { return accepted(); },
                       [&](const RemoveServers&) { return accepted(); },
                       [&](const SwarmRules& c) { return set_rules(entry, c); },
                       [&](const ChangeRoll& c) { return change_roll(entry, c); },
                       [&](const NameNonFinite& c) { return name_non_finite(entry, c); },
                       [&](const KeepApart& c) { return keep_apart(entry, c); },
                       [&](const NameFalseMerge& c) { return name_false_merge(entry, c); },
                       [&](const RecordReports& c) { return record_reports(c); },
                   },
                   entry.command);
    return {std::move(answer), std::move(events_)};
}

Answer Ledger::register_node(const Entry& entry, const RegisterNode& command) {
    if (Answer checked = check_roll_command(entry); checked.code != Errc::ok) {
        return checked;
    }
    const std::uint64_t version = roll_.version();
    roll_.note_registered(entry.signer, command.role, command.credentials.ca, index_);
    // A node that registers again was restarted: its part of a round is lost.
    for (auto& [name, contract] : contracts_) {
        remove_member(contract, entry.signer, MemberStatus::lost, "it was restarted",
                      time_of(entry));
        if (contract.last_commit) {  // who needs that model must find this node where it is now
            contract.last_commit->members.set_address(entry.signer, command.address);
        }
    }
    const auto known = nodes_.find(entry.signer);
    std::optional<Address> instead_of;
    if (known != nodes_.end() && !known->second.lost) {
        instead_of = known->second.address;
    }
    nodes_[entry.signer] = {.role = command.role,
                            .address = command.address,
                            .credentials = command.credentials,
                            .session = entry.session};
    events_.push_back(
        NodeRegistered{entry.signer, command.role, command.address, std::move(instead_of)});
    if (roll_.version() != version) {
        events_.push_back(RollChanged{entry.signer, ""});
    }
    return accepted();
}

std::optional<Answer> Ledger::refusal_of(const Entry& entry) const {
    const auto* enrolment = std::get_if<Enrol>(&entry.command);
    Answer answer =
        enrolment != nullptr ? check_enrol(entry, *enrolment) : check_roll_command(entry);
    return answer.code == Errc::ok || answer.code == Errc::stale ? std::nullopt
                                                                 : std::optional(std::move(answer));
}

bool Ledger::is_next(const Entry& entry) const {
    const auto found = sessions_.find(entry.signer);
    if (found != sessions_.end() && found->second.session == entry.session) {
        return entry.sequence == found->second.sequence + 1;
    }
    return entry.sequence == 1 && std::holds_alternative<RegisterNode>(entry.command);
}

Contract* Ledger::current(const std::string& name, Run run) {
    const auto found = contracts_.find(name);
    return found == contracts_.end() || found->second.run != run || found->second.has_ended()
               ? nullptr
               : &found->second;
}

/// The entry has changed more than who has enrolled and checked in.
void Ledger::note_decision(Contract& contract) const {
    contract.version = index_;
    contract.times.decided_index = index_;
}

Answer Ledger::leave(const Entry& entry, const LeaveContract& command) {
    const auto found = contracts_.find(command.contract);
    if (found == contracts_.end() || found->second.run != command.run) {
        return denied(Errc::stale, "that run has ended");
    }
    remove_member(found->second, entry.signer, MemberStatus::left, command.reason, time_of(entry));
    if (const auto member = found->second.members.find(entry.signer);
        member != found->second.members.end() && found->second.has_ended()) {
        found->second.members.change(entry.signer, [](Member& gone) {
            gone.status = MemberStatus::left;  // also one that was taken for lost
        });
    }
    return accepted(command.run);
}

Answer Ledger::lose(const Entry& entry, const LoseNode& command) {
    const auto node = nodes_.find(command.node);
    if (node == nodes_.end() || node->second.lost) {
        return denied(Errc::not_found, "no such node is registered");
    }
    node->second.lost = true;
    for (auto& [name, contract] : contracts_) {
        remove_member(contract, command.node, MemberStatus::lost, command.reason, time_of(entry));
    }
    return accepted();
}

void Ledger::remove_member(Contract& contract, const NodeId& node, MemberStatus status,
                           const std::string& reason, SwarmTime now) {
    if (active_member(contract, node) == nullptr) {
        return;
    }
    contract.members.change(node, [status](Member& member) { member.status = status; });
    if (contract.has_ended()) {
        return;  // to leave after the end is how it should be
    }
    note_decision(contract);
    const bool frozen = contract.frozen.find(node) != nullptr;
    if (status != MemberStatus::expelled && frozen) {
        note_holdup(contract, node, rounds_per_refusal);
    }
    if (contract.phase == ContractPhase::gathering) {
        contract.reports.recorded.clear();  // as members end what they have begun early
    }
    events_.push_back(MemberGone{contract.name, node, status == MemberStatus::lost, reason});
    const std::uint32_t here = contract.active_count();
    // Lost members may come back, members that have left will not.
    const std::uint32_t away = contract.members.counts.lost;
    const bool started = contract.round > 0 || contract.phase == ContractPhase::exchanging;
    if (started ? here + away < contract.config.min_peers : here == 0) {
        end(contract, ContractPhase::aborted,
            "member '" + node.name + "' was lost (" + reason + "): " + std::to_string(here) +
                " of min_peers " + std::to_string(contract.config.min_peers) + " remain in round " +
                std::to_string(contract.round));
        return;
    }
    if (contract.phase == ContractPhase::exchanging) {
        // One that takes no part in the round may come and go as often as it likes.
        if (frozen) {
            retry_without(contract, now);
        }
    } else if (contract.checked_in_count() < contract.config.min_peers) {
        contract.deadline.reset();  // a grace period that had begun is off
        set_wait_deadline(contract, now);
    } else {
        freeze_if_ready(contract, now);
    }
}

void Ledger::end(Contract& contract, ContractPhase phase, std::string reason) {
    contract.phase = phase;
    contract.reason = std::move(reason);
    if (contract.reason.size() > reason_max) {
        contract.reason.resize(reason_max);
    }
    contract.deadline.reset();
    contract.stop_exchange();
    note_decision(contract);
    events_.push_back(ContractEnded{contract.name, phase, contract.reason});
}

}  // namespace starling
