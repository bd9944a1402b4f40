// What reaches the SN node first: start and stop, connections, frames and timers, each handed on to
// the reaction that its subject's file holds. After each step settle() does what any of them may
// have made due.
#include "core/base/overloaded.hpp"
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
            .archive = options_.memory.archive,
            .lacks_records = [this] { return state_.older.lacking(); },
            .planted = {options_.planted.membership_behind_records}},
           hasher, options_.checkpoint_interval, options_.memory.snapshot_interval),
      leadership_(options_.limits.leader),
      leases_(options_.limits),
      reports_(options_.planted.count_old_attempts),
      views_{.lists = {hasher, options_.limits.parts.members_in_view,
                       options_.limits.parts.list_part_bytes},
             .pushes = {}},
      state_{OriginalCheck(original_timer),
             StateTransfer(options_.id, hasher, state_timer),
             OlderRecords(hasher),
             KeptSnapshots(hasher),
             {}},
      reads_(options_.id),
      dialler_(dial_timer, server_interval),
      claims_(options_.id) {}

void SnNode::step(SwarmTime now, const Input& input, std::vector<Effect>& effects) {
    Outbox out(effects);
    now_ = now;
    if (log_.applied().size() > options_.memory.records_kept) {
        raft().forget(log_.applied().size() - options_.memory.records_kept);
    }
    if (state_.original.under_way()) {
        while_asking_original(input, out);
    } else if (state_.transfer.under_way()) {
        while_taking_state(input, out);
    } else {
        handle(input, out);
    }
    if (!stopped_ && !state_.original.under_way() && !state_.transfer.under_way()) {
        settle(out);
        status_.notify_subscribers(status_source(), out);
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

void SnNode::start(Outbox& out, const std::vector<Input>& held) {
    started_ = now_;
    leadership_.note_seen(now_);
    const std::uint64_t recovered = options_.log.last();
    log_.history().recovered = recovered;
    report(TraceEvent("sn_started")
               .with("entries", recovered)
               .with("silent", options_.trace_recovered ? options_.log.before() : recovered),
           out);
    if (const Result<void> sound = check_log(options_.log); !sound) {
        end(exit_code::failed,
            "The ledger on this SN's disk can't be opened: " + sound.error().message +
                ". Its hashes match, so it was rewritten: check it with swarm-audit",
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
    if (options_.log.snapshot) {
        begin_behind(*options_.log.snapshot, out);
        state_.older.begin(options_.log.missing);
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
    out.set_timer(lease_timer, leases_.set_next_check(now_));
    out.set_timer(server_timer, now_ + server_interval);
    for (const Input& input : held) {
        if (!stopped_) {
            handle(input, out);
        }
    }
    dial_servers(out);
}

void SnNode::on_peer_up(const PeerUp& up, Outbox& out) {
    if (up.role == Role::sl && is_replaced(ledger().find_node(up.peer), up.session)) {
        reject_replaced(up.peer, up.session, out);
        return;
    }
    Peer& peer = peers_[up.peer];
    if (peer.here && peer.role == Role::sl) {
        leases_.on_disconnected();  // this connection replaces that one
    }
    const std::uint64_t turned_away = peer.turned_away;
    SnPeer::Transfer transfer = std::move(peer.transfer);
    peer = {};
    peer.transfer = std::move(transfer);
    peer.connected = true;
    peer.here = true;
    peer.role = up.role;
    peer.session = up.session;
    peer.ca = up.ca;
    peer.turned_away = turned_away;
    peer.lost_at = now_;
    peer.on_frame(now_);
    status_.on_peer_lost(up.peer);  // a new connection asks anew
    reads_.forget(up.peer);
    status_.mark_changed();
    if (up.role == Role::sn) {
        dialler_.on_connected(up.dialled);
        state_.older.on_peer_lost(up.peer);  // what was asked on an older connection may be lost
        state_.allowances.erase(up.peer);
        if (raft().leader() == up.peer) {
            leadership_.request_resend();  // what was under way on an older connection may be lost
        }
        request_join(out);
    } else if (up.role == Role::sl) {
        leases_.on_connected();
        signers_.pins.send_all(up.peer, out);
        Heartbeat first;
        first.session = up.session;
        relay_news(up.peer, true, first, out);
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
        state_.older.on_peer_lost(lost.peer);
        state_.allowances.erase(lost.peer);
        dial_servers(out);
    } else if (peer.role == Role::sl) {
        leases_.on_disconnected();
        relay_news(lost.peer, false, {}, out);
        // It has gone to another SN already, and its next heartbeat may be a long time off.
        if (peer.via() != NodeId{}) {
            peer.connected = true;
        } else if (peer.elsewhere && peer.elsewhere->said_at > peer.last_heard) {
            peer.connected = true;
            peer.elsewhere->via = peer.elsewhere->said_by;
            peer.last_heard = peer.elsewhere->said_at;
        } else {
            await_return(out);
        }
    }
}

void SnNode::on_frame(const FrameReceived& received, Outbox& out) {
    Peer& peer = peers_[received.from];
    const auto* submit = std::get_if<SubmitCommand>(&received.frame.message);
    const auto* heartbeat = std::get_if<Heartbeat>(&received.frame.message);
    if (peer.role == Role::sl && (submit != nullptr || heartbeat != nullptr)) {
        const std::uint64_t session = submit != nullptr ? submit->session : heartbeat->session;
        if (is_replaced(registered(received.from, peer), session)) {
            reject_replaced(received.from, session, out);
            return;
        }
    }
    peer.on_frame(now_);
    // A command is also sent to the SNs that an SL does not use.
    if (submit == nullptr && peer.elsewhere) {
        peer.elsewhere->via = {};
    }
    if (peer.role == Role::sn) {
        on_server_frame(received, out);
        return;
    }
    if (submit != nullptr) {
        peer.session = submit->session;
        if (!std::holds_alternative<ReadBarrier>(submit->command)) {
            peer.unanswered = std::make_shared<const SubmitCommand>(*submit);
        }
        on_command(received.from, *submit, out);
    } else if (heartbeat != nullptr) {
        on_heartbeat(received.from, *heartbeat, peer, out);
    } else if (const auto* fetch = std::get_if<FetchMembers>(&received.frame.message);
               fetch != nullptr && peer.role == Role::sl) {
        on_fetch_members(received.from, *fetch, out);
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

void SnNode::on_timer(const TimerDue& due, Outbox& out) {
    if (due.timer == lease_timer) {
        check_leases(out);
        check_stalls(out);
        check_models(out);
        out.set_timer(lease_timer, leases_.set_next_check(now_));
    } else if (due.timer == contract_timer) {
        check_deadlines(out);
    } else if (due.timer == raft_timer) {
        log_.on_deadline();
        ConsensusOutput output;
        raft().tick(now_, output);
        perform(output, out);
    } else if (due.timer == server_timer) {
        dial_servers(out);
        request_join(out);
        if (stopped_) {
            return;
        }
        register_self(out);
        propose_rules(out);
        forward_removals(out);
        copy_older(out);
        reads_.request(raft(), out);
        dial_left_behind(out);
        check_leader(out);
        out.set_timer(server_timer, now_ + server_interval);
    } else if (due.timer == dial_timer) {
        dialler_.on_timer();
        dial_servers(out);
    } else if (due.timer == view_timer) {
        push_on(out);
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
