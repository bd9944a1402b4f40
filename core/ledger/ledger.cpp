// The replicated state machine: nodes, contracts, their rounds and members, as the agreed entries
// leave them. Every SN applies the same entries in the same order (state machine replication;
// Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014), so what
// follows depends on nothing else: no clock (time stands in the entries), no randomness.
//
// A round gathers until min_peers members, some of them with weight, have checked in, and a grace
// period for the others is over (freeze_if_ready); then its members are fixed (freeze) and exchange
// parameters until they agree on a digest (ledger_commit.cpp). If a member is lost meanwhile, the
// next attempt begins with the check-ins that are left (retry_without). A run is complete with the
// round in which all members are finished, and aborted where those that are here or may come back
// are fewer than min_peers (remove_member).
//
// Invariants: `frozen` is ascending by node ID and not empty while a round is exchanged; attempts
// of a round only grow; a command takes effect once, by session and sequence of its signer.
#include "core/ledger/ledger.hpp"

#include <algorithm>
#include <utility>

#include "core/base/overloaded.hpp"
#include "core/ledger/ledger_bounds.hpp"
#include "core/params/param_layout.hpp"

namespace starling {
namespace {

/// An SL serves one program, which takes part in one.
constexpr std::size_t contracts_of_node_max = 4;

bool has_weight(const Contract& contract) {
    return std::any_of(contract.members.begin(), contract.members.end(), [](const auto& entry) {
        const Member& m = entry.second;
        return m.status == MemberStatus::active && m.check_in && m.check_in->weight > 0;
    });
}

/// nullptr: none of this name is active.
const Member* active_member(const Contract& contract, const NodeId& node) {
    const auto member = contract.members.find(node);
    return member == contract.members.end() || member->second.status != MemberStatus::active
               ? nullptr
               : &member->second;
}

Answer accepted(Run run = 0) { return {Errc::ok, "", run}; }
Answer denied(Errc code, std::string reason) { return {code, std::move(reason), 0}; }

bool ended(const Contract& contract) { return contract.has_ended(); }

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

const Contract* Ledger::find_contract(const std::string& name) const {
    const auto found = contracts_.find(name);
    return found == contracts_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::session_of(const NodeId& node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? 0 : found->second.session;
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
    nodes_[entry.signer] = {command.role, command.address, command.credentials, false,
                            entry.session};
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
        live += ended(other) ? 0U : 1U;
        const auto member = other.members.find(entry.signer);
        others += name != command.contract && !ended(other) && member != other.members.end() &&
                          member->second.status == MemberStatus::active
                      ? 1U
                      : 0U;
    }
    if (others >= contracts_of_node_max) {
        return denied(Errc::too_large, "node '" + entry.signer.name + "' takes part in " +
                                           std::to_string(others) + " other contracts");
    }
    if (contract == nullptr || ended(*contract)) {
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
        if (ended(one->second) &&
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
    const bool fresh = found == contracts_.end() || ended(found->second);
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

Contract* Ledger::current(const std::string& name, Run run) {
    const auto found = contracts_.find(name);
    return found == contracts_.end() || found->second.run != run || ended(found->second)
               ? nullptr
               : &found->second;
}

/// The entry has changed more than who has enrolled and checked in.
void Ledger::note_decision(Contract& contract) const {
    contract.version = index_;
    contract.times.decided_index = index_;
}

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
    events_.push_back(CheckedIn{contract->name, entry.signer, contract->round});
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
        freeze(contract, false);
        return;
    }
    const SwarmTime grace_over = now + SwarmDuration{contract.config.grace_ns};
    const bool gathering_quorum = here == contract.config.min_peers;
    if (!contract.deadline || gathering_quorum) {
        contract.deadline = grace_over;
    }
}

void Ledger::freeze(Contract& contract, bool retry) {
    const MemberList before = contract.frozen;
    std::vector<RoundMember> frozen;
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
    contract.reports.recorded.clear();
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
}

void Ledger::set_wait_deadline(Contract& contract, SwarmTime now) {
    if (contract.config.wait_limit_ns > 0) {
        contract.deadline = now + SwarmDuration{contract.config.wait_limit_ns};
    }
}

Answer Ledger::leave(const Entry& entry, const LeaveContract& command) {
    const auto found = contracts_.find(command.contract);
    if (found == contracts_.end() || found->second.run != command.run) {
        return denied(Errc::stale, "that run has ended");
    }
    remove_member(found->second, entry.signer, MemberStatus::left, command.reason, time_of(entry));
    if (const auto member = found->second.members.find(entry.signer);
        member != found->second.members.end() && ended(found->second)) {
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
    if (ended(contract)) {
        return;  // to leave after the end is how it should be
    }
    note_decision(contract);
    if (status != MemberStatus::expelled && contract.frozen.find(node) != nullptr) {
        note_holdup(contract, node, rounds_per_refusal);
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
        retry_without(contract, now);
    } else if (contract.checked_in_count() < contract.config.min_peers) {
        contract.deadline.reset();  // a grace period that had begun is off
        set_wait_deadline(contract, now);
    } else {
        freeze_if_ready(contract, now);
    }
}

/// A new attempt with the remaining members, or gathering until there are enough again.
void Ledger::retry_without(Contract& contract, SwarmTime now) {
    ++contract.attempt;
    note_decision(contract);
    if (contract.checked_in_count() >= contract.config.min_peers && has_weight(contract)) {
        freeze(contract, true);
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
            freeze(*contract, false);
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
