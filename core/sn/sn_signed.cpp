// What nodes sign, and what this SN signs itself.
#include <algorithm>

#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

bool is_member(const Contract& contract, const NodeId& node) {
    const auto at = std::lower_bound(
        contract.frozen.begin(), contract.frozen.end(), node,
        [](const RoundMember& member, const NodeId& id) { return member.id < id; });
    return at != contract.frozen.end() && at->id == node;
}

}  // namespace

bool SnNode::is_about(const RoundKey& key, const Contract& contract) const {
    RoundKey current{contract.name, contract.run, contract.round, contract.attempt};
    if (options_.planted.count_old_attempts) {
        current.attempt = key.attempt;
    }
    return key == current;
}

bool SnNode::is_signed_with(const PublicKey& key, const Entry& entry) const {
    return options_.verifier->verify(
        key, command_text(entry.signer, entry.session, entry.sequence, entry.command),
        entry.signature);
}

Result<void> SnNode::check_signature(const Entry& entry) const {
    const NodeId& author = entry.signer;
    if (std::holds_alternative<ReadBarrier>(entry.command)) {
        return {};  // it changes nothing, and tools have no key
    }
    const PublicKey* key = nullptr;
    if (const auto* registration = std::get_if<RegisterNode>(&entry.command)) {
        const Result<void> endorsed =
            options_.verifier->endorsed(author, registration->role, registration->credentials);
        if (!endorsed) {
            return endorsed;
        }
        key = &registration->credentials.key;
    } else {
        const auto node = ledger_.nodes().find(author);
        if (node == ledger_.nodes().end()) {
            return Error{Errc::refused, "node '" + author.name + "' is not registered"};
        }
        key = &node->second.credentials.key;
    }
    if (!is_signed_with(*key, entry)) {
        return Error{Errc::refused, "its signature is not by node '" + author.name + "'"};
    }
    return {};
}

void SnNode::take_report(const NodeId& from, const Heartbeat& beat, Outbox& out) {
    const Contract* contract = ledger_.find_contract(beat.contract);
    const RoundKey key{beat.contract, beat.run, beat.round, beat.attempt};
    if (!beat.report || contract == nullptr || contract->phase != ContractPhase::exchanging ||
        !is_about(key, *contract) || !is_member(*contract, from)) {
        return;
    }
    RoundReports& reports = reports_[beat.contract];
    if (!is_about(reports.key, *contract)) {
        reports = {key, {}};
    }
    const MemberReport report{from, beat.report->digest, beat.report->signature};
    const auto known = reports.of.find(from);
    if (known != reports.of.end() && known->second == report) {
        commit_if_reported(*contract, out);  // said again: a proposal may have been lost
        return;
    }
    const auto node = ledger_.nodes().find(from);
    if (node == ledger_.nodes().end() ||
        !options_.verifier->verify(
            node->second.credentials.key,
            report_text(from, key.contract, key.run, key.round, key.attempt, report.digest),
            report.signature)) {
        this->report(
            TraceEvent("signature_refused")
                .with("node", from.name)
                .log(Level::error, component,
                     "Refused a report of '" + from.name + "': its signature is not by that node"),
            out);
        return;
    }
    reports.of.insert_or_assign(from, report);
    this->report(TraceEvent("merge_reported")
                     .with("contract", key.contract)
                     .with("node", from.name)
                     .with("round", key.round)
                     .with("attempt", key.attempt)
                     .with("digest", to_string(report.digest)),
                 out);
    commit_if_reported(*contract, out);
}

void SnNode::commit_if_reported(const Contract& contract, Outbox& out) {
    const auto found = reports_.find(contract.name);
    if (!consensus_->leads() || contract.phase != ContractPhase::exchanging ||
        found == reports_.end() || !is_about(found->second.key, contract)) {
        return;
    }
    CommitRound commit{contract.name, contract.run, contract.round, contract.attempt, {}};
    for (const RoundMember& member : contract.frozen) {
        const auto report = found->second.of.find(member.id);
        if (report == found->second.of.end()) {
            return;
        }
        commit.reports.push_back(report->second);
    }
    propose({0, options_.id, 0, 0, std::move(commit), {}}, out);
}

bool SnNode::has_reported(const Contract& contract, const NodeId& node) const {
    const auto found = reports_.find(contract.name);
    return found != reports_.end() && is_about(found->second.key, contract) &&
           found->second.of.count(node) > 0;
}

void SnNode::say(Command command, Outbox& out) {
    if (consensus_->leads()) {
        propose({0, options_.id, 0, 0, std::move(command), {}}, out);
        return;
    }
    SubmitCommand submit{0, 0, std::move(command), {}};
    submit.signature = options_.signer->sign(command_text(options_.id, 0, 0, submit.command));
    relay(options_.id, submit, out);
}

void SnNode::on_server_command(const NodeId& from, const SubmitCommand& submit, Outbox& out) {
    const auto* registration = std::get_if<RegisterNode>(&submit.command);
    const bool may = registration != nullptr
                         ? registration->role == Role::sn
                         : std::holds_alternative<Checkpoint>(submit.command) ||
                               std::holds_alternative<SwarmRules>(submit.command);
    if (!consensus_->leads() || !may || submit.session != 0 || submit.sequence != 0) {
        return;
    }
    const Entry entry{0, from, 0, 0, submit.command, submit.signature};
    if (const Result<void> genuine = check_signature(entry); !genuine) {
        report(TraceEvent("signature_refused")
                   .with("node", from.name)
                   .log(Level::error, component,
                        "Refused what SN '" + from.name + "' says: " + genuine.error().message),
               out);
        return;
    }
    if (const std::optional<Answer> refused = ledger_.refusal_of(entry)) {
        deny(from, *refused, out);
    } else if (has_share(from, submit.command, out)) {
        propose(entry, out);
    }
}

/// Announces the key that this SN signs with.
void SnNode::register_self(Outbox& out) {
    const auto known = ledger_.nodes().find(options_.id);
    const bool registered = known != ledger_.nodes().end() &&
                            known->second.credentials == options_.signer->credentials();
    if (registered || !is_server(options_.id)) {
        return;
    }
    RegisterNode registration{Role::sn, options_.api_address, options_.signer->credentials()};
    const Result<void> may = ledger_.roll().may_register(options_.id, registration.credentials.ca);
    if (!may && !misses_leader()) {
        end(exit_code::refused, "This SN may not take part: " + may.error().message, out);
    } else if (may) {
        say(std::move(registration), out);
    }
}

/// Not repeated if it is lost on its way to the leader: the next one covers it, too.
void SnNode::sign_checkpoint(Outbox& out) {
    const auto known = ledger_.nodes().find(options_.id);
    if (!consensus_->leader() || known == ledger_.nodes().end() ||
        known->second.credentials != options_.signer->credentials()) {
        return;
    }
    checkpoint_due_ = false;
    checkpoint_at_ = entries_;
    say(Checkpoint{entries_, head_}, out);
}

void SnNode::compare_checkpoint(const NodeId& signer, const Checkpoint& checkpoint,
                                Outbox& out) const {
    const bool same = checkpoint.index >= 1 && checkpoint.index <= links_.size() &&
                      links_[checkpoint.index - 1] == checkpoint.head;
    if (same) {
        return;
    }
    report(TraceEvent("ledger_forked")
               .with("node", signer.name)
               .with("index", checkpoint.index)
               .with("head", to_string(checkpoint.head))
               .log(Level::error, component,
                    "SN '" + signer.name + "' signed a diverging ledger: at entry " +
                        std::to_string(checkpoint.index) + " its head is " +
                        short_text(checkpoint.head) +
                        ". Keep both ledgers and compare them with swarm-audit"),
           out);
}

}  // namespace starling
