// The end of a round: the agreed digest, and members that deviate from it.
#include <algorithm>

#include "core/ledger/ledger_bounds.hpp"
#include "core/ledger/ledger_internal.hpp"

namespace starling {
namespace {

/// The digest of more than half of the reports; nothing: there is none.
std::optional<Digest> majority_digest(const std::vector<MemberReport>& reports) {
    std::map<Digest, std::size_t> votes;
    for (const MemberReport& report : reports) {
        if (++votes[report.digest] * 2 > reports.size()) {
            return report.digest;
        }
    }
    return std::nullopt;
}

/// Reported digests by member: "'sl1', 'sl2' to 3f2a..., 'sl3' to 77c0...".
std::string merges_text(const std::vector<MemberReport>& reports) {
    std::map<Digest, std::string> names;
    std::vector<Digest> in_order;
    for (const MemberReport& report : reports) {
        std::string& of = names[report.digest];
        if (of.empty()) {
            in_order.push_back(report.digest);
        }
        of += (of.empty() ? "'" : ", '") + report.node.name + "'";
    }
    std::string text;
    for (const Digest& digest : in_order) {
        text += (text.empty() ? "" : "; ") + names[digest] + " to " + short_text(digest);
    }
    return text;
}

/// Start of the round: the commit of the previous one; of the first round its last check-in.
SwarmTime began_at(const Contract& contract) {
    SwarmTime began = contract.times.began_at;
    if (!contract.last_commit) {
        for (const RoundMember& frozen : contract.frozen) {
            began = std::max(began, contract.members.at(frozen.id).heard_at);
        }
    }
    return began;
}

/// Whether the reports are of the members after those that the ledger has, in their order.
/// \pre  there are as many members at least
bool are_next(const Contract& contract, const std::vector<MemberReport>& reports) {
    return std::equal(
        reports.begin(), reports.end(),
        contract.frozen.begin() + static_cast<std::ptrdiff_t>(contract.reports.recorded.size()),
        [](const MemberReport& report, const RoundMember& m) { return report.node == m.id; });
}

template <typename WithReports>
Answer attempt_is_over(const WithReports& command) {
    return {Errc::stale, "round " + std::to_string(command.round) + " attempt " +
                             std::to_string(command.attempt) + " is over"};
}

}  // namespace

/// The attempt at a round that a commit or a part of its reports is about; nullptr: it is over.
template <typename WithReports>
Contract* Ledger::attempt_of(const WithReports& command) {
    Contract* contract = current(command.contract, command.run);
    const bool on = contract != nullptr && contract->phase == ContractPhase::exchanging &&
                    contract->round == command.round && contract->attempt == command.attempt;
    return on ? contract : nullptr;
}

/// Accepts the reports that follow those recorded; a repeated part is stale.
Answer Ledger::record_reports(const RecordReports& command) {
    Contract* contract = attempt_of(command);
    if (contract == nullptr) {
        return attempt_is_over(command);
    }
    std::vector<MemberReport>& known = contract->reports.recorded;
    if (!command.reports.empty() && !known.empty() &&
        !(known.back().node < command.reports.front().node)) {
        return {Errc::stale, "these reports are recorded already"};
    }
    // The last one is left for the commit.
    if (command.reports.empty() ||
        known.size() + command.reports.size() >= contract->frozen.size() ||
        !are_next(*contract, command.reports)) {
        return {Errc::malformed, "these are not the reports of the next members, in order"};
    }
    known.reserve(contract->frozen.size());
    known.insert(known.end(), command.reports.begin(), command.reports.end());
    return {Errc::ok, "", contract->run};
}

/// All members of the attempt have reported. The merge is deterministic and all had the same
/// contributions, so a member whose digest differs from the majority's has a faulty machine or
/// program, lies, or was lied to by the owner of a segment: it is named, and fetches the model of
/// the others. Its signed report stays in the ledger.
Answer Ledger::commit(const Entry& entry, const CommitRound& command) {
    Contract* contract = attempt_of(command);
    if (contract == nullptr) {
        return attempt_is_over(command);
    }
    if (command.reports.empty() ||
        contract->reports.recorded.size() + command.reports.size() != contract->frozen.size() ||
        !are_next(*contract, command.reports)) {
        return {Errc::malformed, "a commit needs one report of each member, in order"};
    }
    // Not a copy: there may be 100,000.
    std::vector<MemberReport> reports = std::move(contract->reports.recorded);
    const std::size_t recorded = reports.size();
    reports.insert(reports.end(), command.reports.begin(), command.reports.end());
    const std::size_t durable = durable_count(reports);
    if (!is_durable_enough(contract->config.durable, durable, reports.size())) {
        reports.resize(recorded);
        contract->reports.recorded = std::move(reports);
        return {Errc::malformed, "only " + std::to_string(durable) + " of " +
                                     std::to_string(contract->frozen.size()) +
                                     " members have the model on disk, and the contract says '" +
                                     std::string(to_string(contract->config.durable)) + "'"};
    }
    decide(*contract, reports, time_of(entry));
    return {Errc::ok, "", contract->run};
}

/// \param reports  one of each member of the attempt
void Ledger::decide(Contract& contract, const std::vector<MemberReport>& reports, SwarmTime now) {
    const std::optional<Digest> agreed = majority_digest(reports);
    if (!agreed) {
        repeat_undecided(contract, reports, now);
        return;
    }
    contract.times.longest =
        std::clamp(now - began_at(contract), contract.times.longest, longest_counted);
    contract.times.began_at = now;
    for (const RoundMember& frozen : contract.frozen) {
        contract.members.at(frozen.id).heard_at = now;  // an exchange may take hours
    }
    const Round round = contract.round;
    conclude(contract, *agreed);
    for (const MemberReport& report : reports) {
        if (report.digest != *agreed) {
            note_deviation(contract, round, report, *agreed, now);
        }
    }
    lose_absent(contract, now);
}

/// It is unknown whose merge is right: an owner may have sent every member other bytes. In the next
/// attempt one member merges all segments, after that another one. If it is honest, all that are
/// honest merge to the same bytes. Once each has had its turn there is no honest majority, and the
/// run ends.
void Ledger::repeat_undecided(Contract& contract, const std::vector<MemberReport>& reports,
                              SwarmTime now) {
    const std::string merges = merges_text(reports);
    if (contract.reports.undecided >= contract.frozen.size()) {
        end(contract, ContractPhase::aborted,
            "no majority of the members merged round " + std::to_string(contract.round) +
                " to the same bytes: " + merges);
        return;
    }
    ++contract.reports.undecided;
    RoundUndecided undecided{contract.name, contract.round, contract.attempt, merges, {}};
    retry_without(contract, now);
    for (const RoundMember& member : contract.frozen) {
        undecided.next = member.merges ? member.id : undecided.next;
    }
    events_.push_back(std::move(undecided));
}

void Ledger::note_deviation(Contract& contract, Round round, const MemberReport& report,
                            const Digest& agreed, SwarmTime now) {
    const std::uint32_t times = ++contract.deviations[report.node];
    contract.members.at(report.node).deviated_in = round;
    events_.push_back(
        MemberDeviated{contract.name, report.node, round, report.digest, agreed, times});
    // It stays if the run would fall below its quorum: it harms nobody but itself.
    const bool enough = contract.phase == ContractPhase::gathering &&
                        contract.active_count() > contract.config.min_peers;
    if (times >= deviations_max && enough) {
        remove_member(contract, report.node, MemberStatus::expelled,
                      "expelled: its merges differed from the others' in " + std::to_string(times) +
                          " rounds",
                      now);
    }
}

void Ledger::conclude(Contract& contract, const Digest& agreed) {
    Commit commit{contract.round, contract.attempt, agreed, contract.frozen, true};
    for (const RoundMember& frozen : contract.frozen) {
        Member& member = contract.members.at(frozen.id);
        // Whatever revokes a member's check-in also removes it from the attempt; a log that says
        // otherwise must not crash the SNs that read it.
        member.last = member.check_in.value_or(member.last);
        commit.final = commit.final && member.check_in && member.check_in->finished;
        if (const auto held_up = contract.holdups.find(frozen.id);
            held_up != contract.holdups.end() && held_up->second > 0) {
            --held_up->second;
        }
    }
    for (auto& [id, member] : contract.members) {
        const bool absent = member.status == MemberStatus::active && !member.check_in;
        commit.final = commit.final && !absent;
        member.check_in.reset();
    }
    contract.members.counts.checked_in = 0;
    contract.last_commit = commit;
    contract.reports.undecided = 0;
    contract.stop_exchange();
    note_decision(contract);
    events_.push_back(RoundCommitted{contract.name, commit});
    if (commit.final) {
        end(contract, ContractPhase::complete, "");
        return;
    }
    contract.phase = ContractPhase::gathering;
    ++contract.round;
    contract.attempt = 0;
}

}  // namespace starling
