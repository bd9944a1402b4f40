// Commands and heartbeats of nodes. A command becomes an entry at the SN that leads; any other SN
// hands it on. A heartbeat renews the lease, and its answer tells an SL what it has missed.
#include <algorithm>
#include <utility>

#include "core/base/start_text.hpp"
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

/// Up to so many members are told who else has checked in. A view has all members, and each of them
/// would get it after each check-in of another.
constexpr std::size_t told_of_check_ins_max = 64;

/// Version of the state that members have to know.
std::uint64_t newest_for_members(const Contract& contract) {
    return contract.members.size() > told_of_check_ins_max ? contract.times.decided_index
                                                           : contract.version;
}

/// Whether the member was sent this on its connection a moment ago, and may not have it yet: the
/// views of many members take long on the SN's link. A member that has no view gets one at once.
bool is_on_its_way(const Contract& contract, const Heartbeat& heartbeat,
                   const SnPeer::SentView& sent, SwarmTime now) {
    const SwarmDuration view_wait =
        std::chrono::seconds(10) * interval_factor(contract.members.size());
    return contract.members.size() > told_of_check_ins_max && heartbeat.known_version > 0 &&
           sent.contract == contract.name && sent.version >= newest_for_members(contract) &&
           now - sent.at < view_wait;
}

}  // namespace

/// Whether this is an older start of an SL than the registered one. Its heartbeats renew no lease.
bool SnNode::is_replaced(const RegisteredNode* node, std::uint64_t session) const {
    return !options_.planted.serve_replaced_starts && session != 0 && node != nullptr &&
           session < node->session;
}

const RegisteredNode* SnNode::registered(const NodeId& node, Peer& peer) const {
    if (peer.registered == nullptr) {
        peer.registered = ledger().find_node(node);
    }
    return peer.registered;
}

void SnNode::reject_replaced(const NodeId& node, std::uint64_t session, Outbox& out) {
    const RegisteredNode& newest = ledger().nodes().at(node);
    const std::string text = replaced_text(node, to_string(newest.address), newest.session);
    if (std::exchange(peers_[node].turned_away, session) != session) {
        report(
            TraceEvent("start_replaced")
                .with("node", node.name)
                .with("session", session)
                .with("by", newest.session)
                .log(Level::warning, component,
                     "The start of '" + node.name + "' of " + start_text(session) + " is " + text),
            out);
    }
    out.send(node, CommandResult{0, Errc::replaced, text, 0, newest.session});
}

void SnNode::on_command(const NodeId& from, const SubmitCommand& submit, Outbox& out,
                        const std::optional<NodeId>& via) {
    const bool reads = std::holds_alternative<ReadBarrier>(submit.command);
    const auto peer = peers_.find(from);
    const bool here = !via && peer != peers_.end() && peer->second.here;
    if (const Result<void> may = may_submit(from, submit, here ? &peer->second : nullptr); !may) {
        const Answer refusal{Errc::refused, may.error().message, 0};
        if (via) {
            refuse_command(from, submit, refusal, via, out);
        } else {
            reply(from, {submit.sequence, refusal.code, refusal.reason, 0, submit.session}, out);
        }
        if (peer != peers_.end() && peer->second.session == submit.session) {
            peer->second.unanswered.reset();
        }
        return;
    }
    if (reads) {
        if (!via) {
            reads_.take(from, submit);
            reads_.request(raft(), out);
        }
        return;
    }
    // A committed command is answered by the SN that its node is connected to, when it applies it.
    const Entry entry{0, from, submit.session, submit.sequence, submit.command, submit.signature};
    if (const auto known = ledger().answer_of(from, submit.session, submit.sequence)) {
        answer(entry, *known, out);
    } else if (!raft().leads()) {
        relay(from, submit, out);
    } else if (log_.proposals().contains(from, submit.session, submit.sequence)) {
        // Already proposed.
    } else if (const std::optional<Answer> refused = refusal_of(entry)) {
        // A new leader may not have applied the node's newest key or command yet: resend_pending()
        // retries, and nodes of other SNs resend.
        if (log_.applied().term() == raft().term()) {
            deny(from, *refused, out);
            refuse_command(from, submit, *refused, via, out);
        }
    } else if (has_share(from, submit.command, out)) {
        propose(entry, out);
    }
}

void SnNode::on_heartbeat(const NodeId& from, const Heartbeat& heartbeat, Peer& peer, Outbox& out) {
    note_heartbeat(heartbeat, peer);
    relay_news(from, true, heartbeat, out);
    take_report(from, heartbeat, out);
    if (peer.heartbeat.report &&
        reported_by(from, peer) == member_report(from, *peer.heartbeat.report)) {
        peer.heartbeat.report.reset();  // it is kept once: see on_new_leader()
    }
    const RegisteredNode* const node = registered(from, peer);
    if (node != nullptr && node->lost) {
        reply(from,
              {0, Errc::stale,
               "this node was silent for longer than its lease and is considered lost", 0},
              out);
        return;
    }
    if (misses_leader()) {
        reply(from, {0, Errc::unreachable, leaderless_text(), 0}, out);
        return;
    }
    const Contract* contract = ledger().find_contract(heartbeat.contract);
    if (contract != nullptr && contract->run == heartbeat.run &&
        contract->phase != ContractPhase::complete && contract->has_expelled(from)) {
        reply(from, {0, Errc::refused, expelled_text(*contract, from), 0}, out);
        return;
    }
    if (contract != nullptr && contract->run > heartbeat.run) {
        // No view tells of a run that another one has followed.
        reply(from,
              {0, Errc::aborted,
               "run " + std::to_string(heartbeat.run) + " of contract '" + contract->name +
                   "' has ended, and another one has begun",
               0},
              out);
        return;
    }
    if (contract != nullptr && contract->run == heartbeat.run && contract->has_lost(from)) {
        reply(from, {0, Errc::stale, "this node has sent no check-in for too long", 0}, out);
        return;
    }
    if (contract != nullptr && contract->run == heartbeat.run &&
        newest_for_members(*contract) > heartbeat.known_version &&
        !is_on_its_way(*contract, heartbeat, peer.sent_view, now_)) {
        peer.sent_view = {contract->name, contract->version, now_};
        out.send(from, views_.lists.update_of(*contract, ledger()));
    } else {
        reply(from, heartbeat_answer(leases_.factor_of_connected()), out);
    }
}

/// A part may have megabytes: it is sent once, then not again for a while. Who has lost it on the
/// way asks for it again with the repeated view.
void SnNode::on_fetch_members(const NodeId& from, const FetchMembers& fetch, Outbox& out) {
    SnPeer& peer = peers_[from];
    MemberListPart part = views_.lists.part_of(fetch);
    if (part.total == 0) {
        peer.sent_view = {};  // its next heartbeat is answered by the newest view
        out.send(from, std::move(part));
        return;
    }
    if (peer.takes_part(now_, fetch)) {
        out.send(from, std::move(part));
    }
}

bool SnPeer::takes_part(SwarmTime now, const FetchMembers& fetch) {
    forget_sent_parts(now);
    const bool sent = std::ranges::any_of(*sent_parts, [&](const SentPart& one) {
        return one.fetched.list == fetch.list && one.fetched.first == fetch.first;
    });
    if (!sent) {
        sent_parts.change().push_back({fetch, now});
    }
    return !sent;
}

void SnPeer::forget_sent_parts(SwarmTime now) {
    constexpr SwarmDuration once_within = std::chrono::seconds(2);
    sent_parts.erase_if([&](const SentPart& sent) { return now - sent.at >= once_within; });
}

}  // namespace starling
