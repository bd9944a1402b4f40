// An SN among the others: what they send, and how they reach the one that leads. Commands and news
// of nodes that are connected here go to the leader; results come back as applied entries.
//
// Nothing that another SN says is taken on its word: entries are signed by their authors
// (sn_signed.cpp), consensus messages pass the host rules (raft/host_rules.cpp), requests about
// membership count for their sender only (sn_joining.cpp), and a leader's refusal is checked here
// (sn_limits.cpp).
#include <algorithm>

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

constexpr std::size_t relayed_peers_max = 4096;

}  // namespace

const Server* SnNode::find_server(const NodeId& node) const {
    const std::vector<Server>& servers = raft().servers();
    const auto found = std::find_if(servers.begin(), servers.end(),
                                    [&](const Server& server) { return server.node == node; });
    return found == servers.end() ? nullptr : &*found;
}

/// Also an SN whose joining was never committed: only its own log has it, and it hears of no
/// leader.
bool SnNode::is_outside() const { return !is_member() || misses_leader(); }

bool SnNode::is_member() const {
    const Server* own = find_server(options_.id);
    return own != nullptr && own->number == options_.number;
}

void SnNode::on_server_frame(const FrameReceived& received, Outbox& out) {
    const Message& message = received.frame.message;
    if (const auto* consensus_message = std::get_if<ConsensusMessage>(&message)) {
        if (is_removed(consensus_message->sender)) {
            reject_removed(received.from, consensus_message->sender, out);
            return;
        }
        ConsensusOutput output;
        const bool taken = raft().receive(now_, received.from, *consensus_message, output);
        // libraft has no election timeout at a non-voter.
        if (taken && consensus_message->kind == ConsensusKind::append &&
            consensus_message->term >= raft().term()) {
            log_.history().note(consensus_message->commit, log_.applied().size(), misses_leader());
            leadership_.note_seen(now_);
        }
        perform(output, out);
    } else if (const auto* command = std::get_if<RelayedCommand>(&message)) {
        if (command->from == received.from) {
            on_server_command(command->from, command->submit, out);
        } else if (raft().leads()) {
            on_command(command->from, command->submit, out, received.from);
        }
    } else if (const auto* result = std::get_if<RelayedResult>(&message)) {
        on_relayed_result(received.from, *result, out);
    } else if (const auto* read = std::get_if<ReadIndex>(&message)) {
        if (is_server(received.from)) {
            reads_.on_message(received.from, *read, raft(), out);
        }
    } else if (const auto* news = std::get_if<RelayedNews>(&message)) {
        on_relayed_news(received.from, *news, out);
    } else if (const auto* request = std::get_if<MembershipRequest>(&message)) {
        on_membership_request(received.from, *request, out);
    } else if (const auto* reply = std::get_if<MembershipReply>(&message)) {
        on_membership_reply(received.from, *reply, out);
    } else if (const auto* removal = std::get_if<RemoveServer>(&message)) {
        on_remove_server(received.from, *removal, out);
    } else if (const auto* answer = std::get_if<StatusReply>(&message)) {
        on_removal_answer(received.from, *answer, received.frame.body, out);
    } else if (!on_state_frame(received, out)) {
        report(TraceEvent("frame_ignored")
                   .with("peer", received.from.name)
                   .with("type", std::string(type_name(message))),
               out);
    }
}

/// Whether it speaks for itself here, so that another SN has nothing true to tell of it. Not if its
/// connection here is dead, or of an older start: then it has gone to another SN.
bool SnNode::is_heard_here(const NodeId& node, const Peer& peer) const {
    return peer.here && peer.via() == NodeId{} && now_ - peer.last_heard < leases_.of(peer) / 2 &&
           !is_replaced(ledger().find_node(node), peer.session);
}

void SnNode::on_relayed_news(const NodeId& from, const RelayedNews& news, Outbox& out) {
    const RegisteredNode* const node = ledger().find_node(news.node);
    if (news.connected && is_replaced(node, news.beat.session)) {
        return;
    }
    // An SN may report made-up names; registered ones are known anyway.
    if (!peers_.contains(news.node) && node == nullptr && peers_.size() >= relayed_peers_max) {
        return;
    }
    Peer& peer = peers_[news.node];
    if (news.connected) {
        take_report(news.node, news.beat, out);  // it is signed: who brings it does not matter
    }
    if (news.connected && is_heard_here(news.node, peer)) {
        SnPeer::Elsewhere& elsewhere = peer.elsewhere.get_or_make();
        elsewhere.said_by = from;
        elsewhere.said_at = now_;
        return;
    }
    if (news.connected) {
        if (peer.is_said_by(from)) {  // it was not silent, but not believed to be there
            peer.last_heard = std::max(peer.last_heard, peer.elsewhere->said_at);
        }
        peer.on_frame(now_);
        peer.connected = true;
        peer.elsewhere.get_or_make().via = from;
        note_heartbeat(news.beat, peer);
    } else if (!peer.here && peer.via() == from) {
        peer.connected = false;
        peer.lost_at = now_;
        await_return(out);
    } else if (peer.here && (peer.via() == from || peer.is_said_by(from))) {
        peer.elsewhere.reset();  // if its connection here breaks too, it is nowhere
    }
    status_.mark_changed();
}

void SnNode::relay_news(const NodeId& node, bool connected, const Heartbeat& heartbeat,
                        Outbox& out) {
    const std::optional<NodeId> leader = raft().leader();
    if (leader && *leader != options_.id) {
        out.send(*leader, RelayedNews{node, connected, heartbeat});
    }
}

void SnNode::relay(const NodeId& from, const SubmitCommand& submit, Outbox& out) {
    const std::optional<NodeId> leader = raft().leader();
    if (leader && *leader != options_.id) {
        out.send(*leader, RelayedCommand{from, submit});
    } else if (!leader) {
        leadership_
            .request_resend();  // it waits, also for one of the same term: see resend_pending()
    }
}

/// Pending commands are resent to each new leader at once, since an older one may have lost them.
/// Duplicates are recognised by their sequence.
void SnNode::resend_pending(Outbox& out) {
    const std::optional<NodeId> leader = raft().leader();
    const bool knows_all = !raft().leads() || log_.applied().term() == raft().term();
    if (!leader || !knows_all || !leadership_.take_resend(raft().term())) {
        return;
    }
    std::vector<std::pair<NodeId, SubmitCommand>> waiting;
    for (const auto& [id, peer] : peers_) {
        if (peer.here && peer.unanswered) {
            waiting.emplace_back(id, *peer.unanswered);
        }
    }
    for (const auto& [id, submit] : waiting) {
        on_command(id, submit, out);
    }
}

void SnNode::settle(Outbox& out) {
    on_leadership(out);
    // A new SN gets its vote once it is registered.
    if (raft().leader() && leadership_.update_membership(is_server(options_.id))) {
        register_self(out);
    }
    resend_pending(out);
    process_removals(out);
    remove_expelled_servers(out);
    for (const std::string& name : reports_.take_recorded()) {
        if (const Contract* contract = ledger().find_contract(name)) {
            commit_if_reported(*contract, out);
        }
    }
    reads_.settle(raft(), out);
    reads_.answer(log_.applied().size(), out);
    if (log_.applied().checkpoint_due()) {
        sign_checkpoint(out);
    }
    std::optional<SwarmTime> due;
    if (!log_.update_deadline(due)) {
        return;
    }
    if (due) {
        out.set_timer(raft_timer, *due);
    } else {
        out.cancel_timer(raft_timer);
    }
}

void SnNode::on_leadership(Outbox& out) {
    const bool leads = raft().leads();
    switch (leadership_.update_own(raft(), now_)) {
        case Leadership::Change::elected:
            log_.begin_to_lead(now_);
            report(TraceEvent("leader_elected").with("term", leadership_.led_term()), out);
            arm_deadline(out);
            break;
        case Leadership::Change::ended:
            report(TraceEvent("leader_ended").with("term", leadership_.led_term()), out);
            log_.forget_proposals();
            arm_deadline(out);
            break;
        case Leadership::Change::none:
            break;
    }
    if (leads) {
        leadership_.note_seen(now_);
    }
    if (leadership_.update_shown(raft(), now_)) {
        status_.mark_changed();
    }
    if (leadership_.update_known(raft())) {
        on_new_leader(out);
    }
}

/// The new leader gets what the previous one was sent.
void SnNode::on_new_leader(Outbox& out) {
    const bool leads = raft().leads();
    const NodeId leader = raft().leader().value();
    register_self(out);
    propose_rules(out);
    reads_.request(raft(), out);
    // The new leader gets the latest heartbeats of the nodes here at once.
    for (const auto& [id, peer] : peers_) {
        if (peer.here && peer.role == Role::sl) {
            Heartbeat latest = peer.heartbeat_with_senders();
            latest.session = peer.session;
            const std::optional<MemberReport> taken = reported_by(id, peer);
            if (taken && !latest.report) {
                latest.report = MergeReport{taken->digest, taken->signature, taken->durable};
            }
            relay_news(id, true, latest, out);
        }
    }
    for (const auto& [name, contract] : ledger().contracts()) {
        commit_if_reported(contract, out);
    }
    if (raft().servers().size() > 1) {
        report(TraceEvent("leader_known")
                   .with("leader", leader.name)
                   .with("term", raft().term())
                   .log(Level::info, component,
                        leads ? "This SN leads the ledger, term " + std::to_string(raft().term())
                              : "SN '" + leader.name + "' leads the ledger, term " +
                                    std::to_string(raft().term())),
               out);
    }
    if (leadership_.take_first()) {
        report(TraceEvent("api_ready")
                   .with("port", options_.api_address.port)
                   .log(Level::info, "swarm.blCnt",
                        "Starting SWARM-API-SERVER on port: " +
                            std::to_string(options_.api_address.port)),
               out);
    }
}

void SnNode::dial_servers(Outbox& out) {
    const auto is_here = [&](const NodeId& node) {
        const auto peer = peers_.find(node);
        return peer != peers_.end() && peer->second.here;
    };
    const bool outside = is_outside();
    const bool unknown = !is_server(options_.id) && !claims_.servers().empty();
    for (const Server& server : unknown ? claims_.servers() : raft().servers()) {
        // Of two SNs the one with the lower name dials, so that there is one connection; one that
        // has not joined yet is unknown to the others, so it dials.
        if (server.node != options_.id && !is_here(server.node) &&
            (outside || options_.id < server.node)) {
            dialler_.dial(server.address, out);
        }
    }
    const auto is_server_here = [](const auto& entry) {
        return entry.second.role == Role::sn && entry.second.here;
    };
    if (outside && options_.sentinel &&
        std::none_of(peers_.begin(), peers_.end(), is_server_here)) {
        dialler_.dial(*options_.sentinel, out);
    }
}

void SnNode::on_connect_failed(const ConnectFailed& failed, Outbox& out) {
    dialler_.on_failed(failed);
    if (failed.error.code == Errc::replaced) {
        end_as_copy(failed.error.message, out);
        return;
    }
    if (failed.fatal && !is_server(options_.id)) {
        end(exit_code_of(failed.error.code),
            "Can't reach an SN to join at " + to_string(failed.address) + ": " +
                failed.error.message,
            out);
        return;
    }
    dialler_.dial_later(now_, out);
}

void SnNode::end(int code, const std::string& why, Outbox& out) {
    stopped_ = true;
    report(TraceEvent(code == exit_code::ok ? "left_servers" : "join_refused")
               .log(code == exit_code::ok ? Level::info : Level::error, component, why),
           out);
    out.stop(code, why);
}

}  // namespace starling
