// Limits on what becomes a ledger entry: each is stored by all SNs, for ever.
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {

bool SnNode::has_share(const NodeId& signer, const Command& command, Outbox& out) {
    if (signers_.shares.take(signer, command, now_)) {
        return true;
    }
    if (lines_.shares.take(signer, now_)) {
        report(TraceEvent("command_put_off")
                   .with("node", signer.name)
                   .log(Level::warning, component,
                        "Node '" + signer.name + "' has used up its share of the " +
                            "ledger (16 MiB, and 4 KiB/s, without a committed round): its " +
                            std::string(name_of(command)) + " waits"),
               out);
    }
    return false;
}

/// Answers the node, or the SN that it is connected to.
void SnNode::refuse_command(const NodeId& from, const SubmitCommand& submit, const Answer& why,
                            const std::optional<NodeId>& via, Outbox& out) {
    const CommandResult result{submit.sequence, why.code, why.reason, why.run, submit.session};
    if (via) {
        out.send(*via, RelayedResult{from, submit.session, result});
        return;
    }
    answer({0, from, submit.session, submit.sequence, submit.command, {}}, why, out);
}

/// Decided by this SN's ledger, which is at most a moment behind the leader's.
std::optional<Answer> SnNode::refusal_of(const Entry& entry) const {
    if (const Result<void> genuine = check_signature(entry); !genuine) {
        return Answer{genuine.error().code, genuine.error().message, 0};
    }
    if (!ledger().is_next(entry)) {
        return Answer{Errc::refused,
                      "its sequence number does not follow that of the previous command", 0};
    }
    return ledger().refusal_of(entry);
}

/// A refusal by the leader is no entry, so it can't be audited: the node hears of it only if this
/// SN comes to the same result. Otherwise it resends the command with its next heartbeat.
void SnNode::on_relayed_result(const NodeId& from, const RelayedResult& relayed, Outbox& out) {
    const auto peer = peers_.find(relayed.node);
    const bool waits = peer != peers_.end() && peer->second.here &&
                       peer->second.session == relayed.session && peer->second.unanswered &&
                       peer->second.unanswered->sequence == relayed.result.sequence;
    if (!waits || raft().leader() != from || relayed.result.code == Errc::ok) {
        return;
    }
    const SubmitCommand& submit = *peer->second.unanswered;
    const std::optional<Answer> refused = refusal_of(
        {0, relayed.node, submit.session, submit.sequence, submit.command, submit.signature});
    if (!refused) {
        warn_refusal_not_shared(from, relayed, out);
        return;
    }
    peer->second.unanswered.reset();
    reply(relayed.node,
          {relayed.result.sequence, refused->code, refused->reason, refused->run, relayed.session},
          out);
}

void SnNode::warn_refusal_not_shared(const NodeId& leader, const RelayedResult& relayed,
                                     Outbox& out) {
    if (!lines_.refusals.take(relayed.node, now_)) {
        return;
    }
    report(TraceEvent("refusal_not_shared")
               .with("node", relayed.node.name)
               .with("leader", leader.name)
               .log(Level::warning, component,
                    "SN '" + leader.name + "', the leader, refuses a command of node '" +
                        relayed.node.name + "' (" + relayed.result.reason +
                        "); the ledger of this SN allows it, so the node resends it"),
           out);
}

}  // namespace starling
