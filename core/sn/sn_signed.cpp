// What nodes sign, and what this SN signs itself.

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {

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
        const auto node = ledger().nodes().find(author);
        if (node == ledger().nodes().end()) {
            return Error{Errc::refused, "node '" + author.name + "' is not registered"};
        }
        key = &node->second.credentials.key;
    }
    if (!is_signed_with(*key, entry)) {
        return Error{Errc::refused, "its signature was not made by node '" + author.name + "'"};
    }
    return {};
}

void SnNode::take_report(const NodeId& from, const Heartbeat& heartbeat, Outbox& out) {
    const Contract* contract = ledger().find_contract(heartbeat.contract);
    const RoundKey key{heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt};
    if (!heartbeat.report || contract == nullptr || contract->phase != ContractPhase::exchanging ||
        !reports_.is_about(key, *contract) || contract->frozen.find(from) == nullptr) {
        return;
    }
    const MemberReport report = member_report(from, *heartbeat.report);
    if (reports_.has(*contract, from, report)) {
        commit_if_reported(*contract, out);  // said again: a proposal may have been lost
        return;
    }
    const auto node = ledger().nodes().find(from);
    if (node == ledger().nodes().end() ||
        !options_.verifier->verify(node->second.credentials.key,
                                   report_text(from, key.contract, key.run, key.round, key.attempt,
                                               report.digest, report.durable),
                                   report.signature)) {
        this->report(TraceEvent("signature_refused")
                         .with("node", from.name)
                         .log(Level::error, component,
                              "Refused a report of '" + from.name +
                                  "': its signature was not made by that node"),
                     out);
        return;
    }
    reports_.add(key, *contract, report);
    this->report(TraceEvent("merge_reported")
                     .with("contract", key.contract)
                     .with("node", from.name)
                     .with("round", key.round)
                     .with("attempt", key.attempt)
                     .with("digest", to_string(report.digest)),
                 out);
    commit_if_reported(*contract, out);
}

std::optional<MemberReport> SnNode::reported_by(const NodeId& node, const Peer& peer) const {
    const Heartbeat& of = peer.heartbeat;
    return reports_.find({of.contract, of.run, of.round, of.attempt}, node);
}

void SnNode::commit_if_reported(const Contract& contract, Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    if (std::optional<Command> next =
            reports_.next_entry(contract, options_.limits.parts.reports_per_entry)) {
        propose({0, options_.id, 0, 0, std::move(*next), {}}, out);
    }
}

void SnNode::submit_own(Command command, Outbox& out) {
    if (raft().leads()) {
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
    if (!raft().leads() || !may || submit.session != 0 || submit.sequence != 0) {
        return;
    }
    const Entry entry{0, from, 0, 0, submit.command, submit.signature};
    if (const Result<void> genuine = check_signature(entry); !genuine) {
        report(TraceEvent("signature_refused")
                   .with("node", from.name)
                   .log(Level::error, component,
                        "Refused a message of SN '" + from.name + "': " + genuine.error().message),
               out);
        return;
    }
    if (const std::optional<Answer> refused = ledger().refusal_of(entry)) {
        deny(from, *refused, out);
    } else if (has_share(from, submit.command, out)) {
        propose(entry, out);
    }
}

/// Announces the key that this SN signs with.
void SnNode::register_self(Outbox& out) {
    const auto known = ledger().nodes().find(options_.id);
    const bool registered = known != ledger().nodes().end() &&
                            known->second.credentials == options_.signer->credentials();
    if (registered || !is_server(options_.id)) {
        return;
    }
    RegisterNode registration{Role::sn, options_.api_address, options_.signer->credentials()};
    const Result<void> may = ledger().roll().may_register(options_.id, registration.credentials.ca);
    if (!may && !misses_leader()) {
        end(exit_code::refused, "This SN may not take part: " + may.error().message, out);
    } else if (may) {
        submit_own(std::move(registration), out);
    }
}

/// Not repeated if it is lost on its way to the leader: the next one covers it, too.
void SnNode::sign_checkpoint(Outbox& out) {
    const auto known = ledger().nodes().find(options_.id);
    if (!raft().leader() || known == ledger().nodes().end() ||
        known->second.credentials != options_.signer->credentials()) {
        return;
    }
    submit_own(log_.applied().take_checkpoint(), out);
}

void SnNode::compare_checkpoint(const NodeId& signer, const Checkpoint& checkpoint,
                                Outbox& out) const {
    if (!log_.applied().contradicts(checkpoint)) {
        return;
    }
    out.report(TraceEvent("ledger_forked")
                   .with("node", signer.name)
                   .with("index", checkpoint.index)
                   .with("head", to_string(checkpoint.head))
                   .log(Level::error, component,
                        "SN '" + signer.name + "' signed a diverging ledger: at entry " +
                            std::to_string(checkpoint.index) + " its head is " +
                            short_text(checkpoint.head) +
                            ". Keep both ledgers and compare them with swarm-audit"));
}

}  // namespace starling
