// Membership changes of SNs: joining, leaving, and being told of a removal.
#include <algorithm>

#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

constexpr std::size_t refusals_max = 64;
/// After this time without a leader an SN believes a single other one that it was removed or
/// refused.
constexpr SwarmDuration believe_limit = std::chrono::minutes(1);

}  // namespace

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
        tell_removed(from, request.server.number, out);
        return;
    }
    MembershipReply reply;
    reply.leader = shown_leader();
    if (consensus_->leads()) {
        const Result<void> done = change_membership(from, request, out);
        if (!done && done.error().code != Errc::stale) {
            reply.code = done.error().code;
            reply.reason = done.error().message;
        }
    }
    reply.servers = consensus_->servers();
    out.send(from, std::move(reply));
}

/// On the leader. Errc::stale: the membership is already as requested.
Result<void> SnNode::change_membership(const NodeId& from, const MembershipRequest& request,
                                       Outbox& out) {
    const Result<void> admitted = ledger_.roll().may_register(from, peers_[from].ca);
    if (!admitted && !request.leave) {
        deny(from, {Errc::refused, admitted.error().message, 0}, out);
        return Error{Errc::refused, admitted.error().message};
    }
    ConsensusOutput output;
    const Result<void> done = request.leave
                                  ? consensus_->remove_server(now_, request.server.node, output)
                                  : consensus_->add_server(now_, request.server, output);
    perform(output, out);
    return done;
}

void SnNode::on_membership_reply(const NodeId& from, const MembershipReply& reply, Outbox& out) {
    const bool asks = options_.leave || (options_.sentinel && is_outside());
    if (reply.code == Errc::stale && !options_.leave) {
        tell_claim(from, reply.reason, out);
        if (believes_removal(from, reply)) {
            end(exit_code::refused, "SN '" + from.name + "' says: " + reply.reason, out);
        }
        return;
    }
    // An SN that keeps the ledger can't be refused any more.
    if (!asks || (reply.code != Errc::ok && is_server(options_.id) && !options_.leave)) {
        report(TraceEvent("membership_reply_ignored")
                   .with("node", from.name)
                   .with("code", static_cast<std::uint64_t>(reply.code)),
               out);
        return;
    }
    if (reply.code == Errc::stale) {
        end(exit_code::ok, "The other SNs go on without this one", out);
        return;
    }
    note_servers(from, reply.servers);
    note_refusal(from, reply, out);
    if (stopped_) {
        return;
    }
    const bool known =
        std::any_of(reply.servers.begin(), reply.servers.end(),
                    [&](const Server& server) { return server.node == options_.id; });
    if (options_.leave && reply.code == Errc::ok && !known) {
        end(exit_code::ok, "The other SNs go on without this one", out);
        return;
    }
    dial_servers(out);
}

/// An SN is believed about its own address; about others the first statement is kept.
void SnNode::note_servers(const NodeId& from, const std::vector<Server>& servers) {
    for (const Server& server : servers) {
        const auto told = std::find_if(told_servers_.begin(), told_servers_.end(),
                                       [&](const Server& one) { return one.node == server.node; });
        if (told == told_servers_.end() && told_servers_.size() < servers_max) {
            told_servers_.push_back(server);
        } else if (told != told_servers_.end() && server.node == from) {
            *told = server;
        }
    }
}

/// Only the leader refuses. Any SN can claim to lead, so a refusal is believed once more than half
/// of the SNs name its sender as the leader, or if this SN was not admitted for a minute.
void SnNode::note_refusal(const NodeId& from, const MembershipReply& reply, Outbox& out) {
    if (leader_by_.size() >= refusals_max || refusals_.size() >= refusals_max) {
        leader_by_.clear();
        refusals_.clear();
    }
    if (reply.leader) {
        leader_by_[from] = *reply.leader;
    }
    if (reply.code != Errc::ok) {
        refusals_[from] = {reply.code, reply.reason};
    } else {
        refusals_.erase(from);
    }
    for (const auto& [refusing, refusal] : refusals_) {
        const auto names_it = [&, &leader = refusing](const NodeId& node) {
            const auto named = leader_by_.find(node);
            return named != leader_by_.end() && named->second == leader;
        };
        if (most_other_voters(told_servers_, names_it) || now_ - leader_seen_ > believe_limit) {
            end(exit_code_of(refusal.code),
                std::string("This SN is not taken ") + (options_.leave ? "out: " : "in: ") +
                    refusal.message,
                out);
            return;
        }
    }
}

/// A single SN must not be able to stop the others, so a removal is believed from more than half of
/// them. A ledger that was rebuilt is the exception: SNs that come back to it could form a majority
/// among themselves, so the signature of the SN that rebuilt it is enough.
bool SnNode::believes_removal(const NodeId& from, const MembershipReply& reply) const {
    if (reply.rebuilt && proves_rebuild(*reply.rebuilt)) {
        return true;
    }
    const std::vector<Server>& servers =
        consensus_->servers().empty() ? told_servers_ : consensus_->servers();
    const bool of_voter = from != options_.id &&
                          std::any_of(servers.begin(), servers.end(), [&](const Server& server) {
                              return server.voter && server.node == from;
                          });
    const auto claims = [&](const NodeId& node) { return claimed_by_.contains(node); };
    return of_voter && (most_other_voters(servers, claims) || now_ - leader_seen_ > believe_limit);
}

/// Whether more than half of the voters other than this SN satisfy `holds`.
bool SnNode::most_other_voters(const std::vector<Server>& servers,
                               const std::function<bool(const NodeId&)>& holds) const {
    std::size_t others = 0;
    std::size_t holding = 0;
    for (const Server& server : servers) {
        if (server.voter && server.node != options_.id) {
            ++others;
            holding += holds(server.node) ? 1U : 0U;
        }
    }
    return 2 * holding > others;
}

bool SnNode::proves_rebuild(const RebuildProof& proof) const {
    const Result<Entry> entry = decode_entry(proof.entry);
    if (!entry) {
        return false;
    }
    const auto* said = std::get_if<RemoveServers>(&entry->command);
    const auto signer = ledger_.nodes().find(entry->signer);
    return said != nullptr && said->rebuilt &&
           std::find(said->removed.begin(), said->removed.end(), options_.id) !=
               said->removed.end() &&
           signer != ledger_.nodes().end() && signer->second.role == Role::sn &&
           signer->second.credentials.ca == proof.credentials.ca &&
           options_.verifier->endorsed(entry->signer, Role::sn, proof.credentials) &&
           is_signed_with(proof.credentials.key, *entry);
}

void SnNode::tell_claim(const NodeId& from, const std::string& claim, Outbox& out) {
    if (claimed_by_.insert(from).second) {
        report(TraceEvent("removal_claimed")
                   .with("node", from.name)
                   .log(Level::error, component,
                        "SN '" + from.name + "' says: " + claim +
                            ". This SN ends if more than half of the other SNs say so, or none "
                            "has led for a minute. If the operators decided this, stop this SN"),
               out);
    }
}

void SnNode::ask_to_join(Outbox& out) {
    if (options_.leave) {
        ask_to_leave(out);
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
void SnNode::ask_to_leave(Outbox& out) {
    if (consensus_->leads()) {
        if (consensus_->servers().size() == 1) {
            end(exit_code::refused, "This SN is the last one of its swarm and can't leave", out);
            return;
        }
        ConsensusOutput output;
        consensus_->step_down(now_, output);  // another one has to take it out
        perform(output, out);
        return;
    }
    send_membership_request(true, out);
}

}  // namespace starling
