// Membership changes of SNs: joining, leaving, and being told of a removal.
#include <algorithm>

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {

void SnNode::on_membership_request(const NodeId& from, const MembershipRequest& request,
                                   Outbox& out) {
    // An SN may ask for itself only; a request about another one could remove it. The reply names
    // the leader, which it asks next.
    if (request.server.node != from) {
        report(TraceEvent("membership_request_refused")
                   .with("node", from.name)
                   .with("about", request.server.node.name),
               out);
        return;
    }
    if (is_removed(request.server.number) && !request.leave) {
        reject_removed(from, request.server.number, out);
        return;
    }
    MembershipReply reply;
    reply.leader = shown_leader();
    if (raft().leads()) {
        const Result<void> done = change_membership(from, request, out);
        if (!done && done.error().code != Errc::stale) {
            reply.code = done.error().code;
            reply.reason = done.error().message;
        }
    }
    reply.servers = raft().servers();
    out.send(from, std::move(reply));
}

/// On the leader. Errc::stale: the membership is already as requested.
Result<void> SnNode::change_membership(const NodeId& from, const MembershipRequest& request,
                                       Outbox& out) {
    const Result<void> admitted = ledger().roll().may_register(from, peers_[from].ca);
    if (!admitted && !request.leave) {
        deny(from, {Errc::refused, admitted.error().message, 0}, out);
        return Error{Errc::refused, admitted.error().message};
    }
    ConsensusOutput output;
    const Result<void> done = request.leave
                                  ? raft().remove_server(now_, request.server.node, output)
                                  : raft().add_server(now_, request.server, output);
    perform(output, out);
    return done;
}

void SnNode::on_membership_reply(const NodeId& from, const MembershipReply& reply, Outbox& out) {
    const bool asks = options_.leave || (options_.sentinel && is_outside());
    if (reply.code == Errc::stale && !options_.leave) {
        report_claim(from, reply.reason, out);
        if (believes_removal(from, reply)) {
            end(exit_code::refused, "SN '" + from.name + "' replied: " + reply.reason, out);
        }
        return;
    }
    // An SN that keeps the ledger can't be refused any more.
    if (!asks || (reply.code != Errc::ok && is_member() && !options_.leave)) {
        report(TraceEvent("membership_reply_ignored")
                   .with("node", from.name)
                   .with("code", static_cast<std::uint64_t>(reply.code)),
               out);
        return;
    }
    claims_.note_servers(from, reply.servers);
    if (options_.leave && has_left(from, reply)) {
        end(exit_code::ok, "The other SNs continue without this one", out);
        return;
    }
    if (reply.code == Errc::stale) {
        return;  // more of them must say so
    }
    if (const auto refusal = claims_.note_reply(from, reply, leadership_.missing_for(now_))) {
        end(exit_code_of(refusal->code),
            std::string("This SN is not ") + (options_.leave ? "removed: " : "admitted: ") +
                refusal->message,
            out);
        return;
    }
    dial_servers(out);
}

/// Whether the others continue without this SN, which leaves. As with a removal, that must not be
/// believed from a single one: an SN that ends before it is out takes its vote with it, and its
/// operator may delete its disk.
bool SnNode::has_left(const NodeId& from, const MembershipReply& reply) {
    const bool known =
        std::any_of(reply.servers.begin(), reply.servers.end(),
                    [&](const Server& server) { return server.node == options_.id; });
    if (reply.code == Errc::stale || (reply.code == Errc::ok && !known)) {
        claims_.note_removal(from);
    } else {
        claims_.withdraw_removal(from);
    }
    return believes_removal(from, reply);
}

/// A single SN must not be able to stop the others, so a removal is believed from more than half of
/// them. A ledger that was rebuilt is the exception: SNs that come back to it could form a majority
/// among themselves, so the signature of the SN that rebuilt it is enough.
bool SnNode::believes_removal(const NodeId& from, const MembershipReply& reply) const {
    if (reply.rebuilt && proves_rebuild(*reply.rebuilt)) {
        return true;
    }
    const std::vector<Server>& known = raft().servers();
    return claims_.believes_removal(from, known.empty() ? claims_.servers() : known,
                                    leadership_.missing_for(now_));
}

bool SnNode::proves_rebuild(const RebuildProof& proof) const {
    const Result<Entry> entry = decode_entry(proof.entry);
    if (!entry) {
        return false;
    }
    const auto* removal = std::get_if<RemoveServers>(&entry->command);
    const auto signer = ledger().nodes().find(entry->signer);
    return removal != nullptr && removal->rebuilt &&
           std::find(removal->removed.begin(), removal->removed.end(), options_.id) !=
               removal->removed.end() &&
           signer != ledger().nodes().end() && signer->second.role == Role::sn &&
           signer->second.credentials.ca == proof.credentials.ca &&
           options_.verifier->endorsed(entry->signer, Role::sn, proof.credentials) &&
           is_signed_with(proof.credentials.key, *entry);
}

void SnNode::report_claim(const NodeId& from, const std::string& claim, Outbox& out) {
    if (claims_.note_removal(from)) {
        report(TraceEvent("removal_claimed")
                   .with("node", from.name)
                   .log(Level::error, component,
                        "SN '" + from.name + "' claims: " + claim +
                            ". This SN ends if more than half of the other SNs claim this, or none "
                            "has led for a minute. If the operators decided this, stop this SN"),
               out);
    }
}

void SnNode::request_join(Outbox& out) {
    if (options_.leave) {
        request_leave(out);
        return;
    }
    if (!options_.sentinel || !is_outside()) {
        return;
    }
    send_membership_request(false, out);
}

void SnNode::send_membership_request(bool leave, Outbox& out) const {
    const MembershipRequest request{{options_.id, options_.peer_address, options_.number, false},
                                    leave};
    for (const auto& [id, peer] : peers_) {
        if (peer.role == Role::sn && peer.here) {
            out.send(id, request);
        }
    }
}

/// Repeated until an SN answers that this one is no member any more.
void SnNode::request_leave(Outbox& out) {
    if (raft().leads()) {
        if (raft().servers().size() == 1) {
            end(exit_code::refused, "This SN is the last one of its swarm and can't leave", out);
            return;
        }
        ConsensusOutput output;
        raft().step_down(now_, output);  // another one has to take it out
        perform(output, out);
        return;
    }
    send_membership_request(true, out);
}

}  // namespace starling
