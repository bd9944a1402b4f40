#include <algorithm>

#include "core/base/overloaded.hpp"
#include "core/base/start_text.hpp"
#include "core/raft/host_rules.hpp"
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
SnNode::SnNode(SnNodeOptions options, const Hasher& hasher)
    : options_(std::move(options)),
      log_({.self = options_.id,
            .number = options_.number,
            .seed = options_.seed,
            .election_timeout = options_.election_timeout,
            .heartbeat = options_.election_timeout / 5,
            .planted = {options_.planted.membership_behind_records}},
           hasher, options_.checkpoint_interval),
      reports_(options_.planted.count_old_attempts),
      leadership_(options_.limits.leader),
      original_(original_timer),
      reads_(options_.id),
      dialler_(dial_timer, server_interval),
      claims_(options_.id) {}

void SnNode::step(SwarmTime now, const Input& input, std::vector<Effect>& effects) {
    Outbox out(effects);
    now_ = now;
    if (original_.under_way()) {
        while_asking_original(input, out);
    } else {
        handle(input, out);
    }
    if (!stopped_ && !original_.under_way()) {
        settle(out);
        status_.tell_followers(status_source(), out);
    }
}

void SnNode::handle(const Input& input, Outbox& out) {
    std::visit(Overloaded{
                   [&](const Started&) { on_started(out); },
                   [&](const PeerUp& up) { on_peer_up(up, out); },
                   [&](const PeerLost& lost) { on_peer_lost(lost, out); },
                   [&](const ConnectFailed& failed) { on_connect_failed(failed, out); },
                   [&](const FrameReceived& received) { on_frame(received, out); },
                   [&](const TimerDue& due) { on_timer(due, out); },
                   [&](const WorkDone&) {},
                   [&](const StopRequested& stop) { on_stop(stop, out); },
                   [](const Arrivals&) {},
               },
               input);
}

void SnNode::start(Outbox& out) {
    started_ = now_;
    leadership_.note_seen(now_);
    const std::size_t recovered = options_.log.records.size();
    log_.history().recovered = recovered;
    report(TraceEvent("sn_started")
               .with("entries", recovered)
               .with("silent", options_.trace_recovered ? 0 : recovered),
           out);
    if (const Result<void> sound = check_log(options_.log); !sound) {
        end(exit_code::failed,
            "The ledger on this SN's disk can't be opened: " + sound.error().message +
                ". Its hashes match, so somebody rewrote it: check it with swarm-audit",
            out);
        return;
    }
    if (options_.log.vote.self != 0) {
        options_.number = options_.log.vote.self;
    }
    std::optional<Server> founder;
    if (!options_.sentinel) {
        founder = Server{options_.id, options_.peer_address, options_.number, true};
    }
    ConsensusOutput output;
    raft().start(now_, std::move(options_.log), founder, output);
    perform(output, out);
    if (recovered > 0) {
        report(TraceEvent("ledger_recovered")
                   .with("entries", recovered)
                   .log(Level::info, component,
                        "Recovered " + std::to_string(recovered) + " ledger entries" +
                            (log_.applied().size() == recovered
                                 ? ", head " + short_text(log_.applied().head())
                                 : "")),
               out);
    }
    for (const NodeId& admin : options_.admins) {
        if (!ledger().roll().pin_of(admin)) {
            out.pin_peer(admin, options_.signer->credentials().ca);
        }
    }
    out.set_timer(lease_timer, now_ + options_.limits.check_interval);
    out.set_timer(server_timer, now_ + server_interval);
    dial_servers(out);
}

void SnNode::on_peer_up(const PeerUp& up, Outbox& out) {
    if (up.role == Role::sl && is_replaced(up.peer, up.session)) {
        turn_away(up.peer, up.session, out);
        return;
    }
    Peer& peer = peers_[up.peer];
    const std::uint64_t turned_away = peer.turned_away;
    peer = {};
    peer.connected = true;
    peer.here = true;
    peer.role = up.role;
    peer.session = up.session;
    peer.ca = up.ca;
    peer.turned_away = turned_away;
    peer.lost_at = now_;
    peer.hear(now_);
    status_.on_peer_lost(up.peer);  // a new connection asks anew
    reads_.forget(up.peer);
    status_.mark_changed();
    if (up.role == Role::sn) {
        dialler_.on_connected(up.dialled);
        if (raft().leader() == up.peer) {
            leadership_.ask_to_resend();  // what was under way on an older connection may be lost
        }
        ask_to_join(out);
    } else if (up.role == Role::sl) {
        pins_.send_all(up.peer, out);
        Heartbeat news;
        news.session = up.session;
        relay_news(up.peer, true, news, out);
    }
}

void SnNode::on_peer_lost(const PeerLost& lost, Outbox& out) {
    Peer& peer = peers_[lost.peer];
    if (!peer.here) {
        return;  // an earlier start of a node that is connected elsewhere
    }
    peer.connected = false;
    peer.here = false;
    peer.unanswered.reset();
    peer.lost_at = now_;
    std::erase_if(removals_, [&](const Removal& one) { return one.from == lost.peer; });
    status_.on_peer_lost(lost.peer);
    reads_.forget(lost.peer);
    status_.mark_changed();
    if (peer.role == Role::sn) {
        dial_servers(out);
    } else if (peer.role == Role::sl) {
        relay_news(lost.peer, false, {}, out);
    }
}

void SnNode::on_frame(const FrameReceived& received, Outbox& out) {
    Peer& peer = peers_[received.from];
    const auto* submit = std::get_if<SubmitCommand>(&received.frame.message);
    const auto* beat = std::get_if<Heartbeat>(&received.frame.message);
    if (peer.role == Role::sl && (submit != nullptr || beat != nullptr)) {
        const std::uint64_t session = submit != nullptr ? submit->session : beat->session;
        if (is_replaced(received.from, session)) {
            turn_away(received.from, session, out);
            return;
        }
    }
    peer.hear(now_);
    if (peer.role == Role::sn) {
        on_server_frame(received, out);
        return;
    }
    if (submit != nullptr) {
        peer.session = submit->session;
        if (!std::holds_alternative<ReadBarrier>(submit->command)) {
            peer.unanswered = *submit;
        }
        on_command(received.from, *submit, out);
    } else if (beat != nullptr) {
        on_heartbeat(received.from, *beat, out);
    } else if (const auto* query = std::get_if<StatusQuery>(&received.frame.message)) {
        status_.on_query(received.from, *query, status_source(), out);
    } else if (const auto* removal = std::get_if<RemoveServer>(&received.frame.message)) {
        on_remove_server(received.from, *removal, out);
    } else {
        report(TraceEvent("frame_ignored")
                   .with("peer", received.from.name)
                   .with("type", std::string(type_name(received.frame.message))),
               out);
    }
}

/// Whether this is an older start of an SL than the registered one. Its heartbeats renew no lease.
bool SnNode::is_replaced(const NodeId& node, std::uint64_t session) const {
    return !options_.planted.serve_replaced_starts && session != 0 &&
           session < ledger().session_of(node);
}

void SnNode::turn_away(const NodeId& node, std::uint64_t session, Outbox& out) {
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
    if (const Result<void> may = may_say(from, submit, via.has_value()); !may) {
        const Answer refusal{Errc::refused, may.error().message, 0};
        if (via) {
            refuse_command(from, submit, refusal, via, out);
        } else {
            reply(from, {submit.sequence, refusal.code, refusal.reason, 0}, out);
        }
        if (peer != peers_.end() && peer->second.session == submit.session) {
            peer->second.unanswered.reset();
        }
        return;
    }
    if (reads) {
        if (!via) {
            reads_.take(from, submit);
            reads_.ask(raft(), out);
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

void SnNode::on_heartbeat(const NodeId& from, const Heartbeat& beat, Outbox& out) {
    note_heartbeat(from, beat);
    relay_news(from, true, beat, out);
    take_report(from, beat, out);
    const auto node = ledger().nodes().find(from);
    if (node != ledger().nodes().end() && node->second.lost) {
        reply(from,
              {0, Errc::stale,
               "this node was silent for longer than its lease and was taken for lost", 0},
              out);
        return;
    }
    if (misses_leader()) {
        reply(from, {0, Errc::unreachable, leaderless_text(), 0}, out);
        return;
    }
    const Contract* contract = ledger().find_contract(beat.contract);
    if (contract != nullptr && contract->run == beat.run &&
        contract->phase != ContractPhase::complete && contract->has_expelled(from)) {
        reply(from, {0, Errc::refused, expelled_text(*contract, from), 0}, out);
        return;
    }
    if (contract != nullptr && contract->run == beat.run && contract->has_lost(from)) {
        reply(from, {0, Errc::stale, "no check-in of this node came for too long", 0}, out);
        return;
    }
    if (contract != nullptr && contract->run == beat.run &&
        contract->version > beat.known_version) {
        out.send(from, ViewUpdate{view_of(*contract)});
    } else {
        reply(from, {0, Errc::ok, "", 0}, out);
    }
}

void SnNode::on_timer(const TimerDue& due, Outbox& out) {
    if (due.timer == lease_timer) {
        check_leases(out);
        check_stalls(out);
        out.set_timer(lease_timer, now_ + options_.limits.check_interval);
    } else if (due.timer == contract_timer) {
        check_deadlines(out);
    } else if (due.timer == raft_timer) {
        log_.on_deadline();
        ConsensusOutput output;
        raft().tick(now_, output);
        perform(output, out);
    } else if (due.timer == server_timer) {
        dial_servers(out);
        ask_to_join(out);
        if (stopped_) {
            return;
        }
        register_self(out);
        propose_rules(out);
        hand_on_removals(out);
        reads_.ask(raft(), out);
        recall_removed(out);
        check_leader(out);
        out.set_timer(server_timer, now_ + server_interval);
    } else if (due.timer == dial_timer) {
        dialler_.on_timer();
        dial_servers(out);
    }
}

void SnNode::on_stop(const StopRequested& stop, Outbox& out) {
    stopped_ = true;
    ConsensusOutput output;
    raft().step_down(now_, output);  // so that nobody has to wait for this one's silence
    perform(output, out);
    report(TraceEvent("node_stopped")
               .with("code", static_cast<std::uint64_t>(exit_code::ok))
               .with("head", to_string(log_.applied().head()))
               .log(Level::info, component,
                    "Stopping (" + stop.reason + "), ledger head " +
                        short_text(log_.applied().head())),
           out);
    out.stop(exit_code::ok, stop.reason);
}

std::unique_ptr<Node> make_sn_node(SnNodeOptions options, const Hasher& hasher) {
    return std::make_unique<SnNode>(std::move(options), hasher);
}

}  // namespace starling
