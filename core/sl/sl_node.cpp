// The start of an SL node, and the way of each input to whom it concerns.
#include "core/sl/sl_node.hpp"

#include <algorithm>

#include "core/base/overloaded.hpp"
#include "core/base/random.hpp"
#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/sl_log.hpp"
#include "core/sl/sl_timers.hpp"

namespace starling {

namespace {

SlNodeOptions with_shared_rounds(SlNodeOptions options) {
    if (!options.shared) {
        options.shared = std::make_shared<SharedRounds>();
    }
    return options;
}

}  // namespace

SlNode::SlNode(SlNodeOptions options, const Hasher& hasher)
    : options_(with_shared_rounds(std::move(options))),
      hasher_(hasher),
      sn_(options_),
      lists_(*options_.shared, hasher_),
      run_(options_.shared),
      peers_(options_.id),
      round_(options_.id, options_.session, options_.signer, *options_.shared, hasher_),
      catch_up_(options_.id, options_.catch_up_limit),
      models_(options_.linger) {}

void SlNode::step(SwarmTime now, const Input& input, std::vector<Effect>& effects) {
    Outbox out(effects);
    now_ = now;
    if (stopped_) {
        return;
    }
    std::visit(Overloaded{
                   [&](const Started&) { start(out); },
                   [&](const PeerUp& up) { on_peer_up(up, out); },
                   [&](const PeerLost& lost) { on_peer_lost(lost, out); },
                   [&](const ConnectFailed& failed) { on_connect_failed(failed, out); },
                   [&](const FrameReceived& received) { on_frame(received, out); },
                   [&](const TimerDue& due) { on_timer(due, out); },
                   [&](const WorkDone& done) { on_work(done, out); },
                   [&](const Arrivals& arrivals) { on_arrivals(arrivals); },
                   [&](const StopRequested& request) { on_stop_requested(request, out); },
               },
               input);
}

void SlNode::start(Outbox& out) {
    log_sl(Level::info,
           "Setting up SL node '" + options_.id.name + "', exchange address " +
               to_string(options_.exchange_address) + ", SN " + to_string(sn_.address()),
           out);
    sn_.start(now_, out);
    submit_registration(out);
    out.set_timer(heartbeat_timer, now_ + options_.heartbeat_interval);
}

void SlNode::on_peer_up(const PeerUp& up, Outbox& out) {
    switch (up.role) {
        case Role::sn:
            sn_.on_up(now_, up, out);
            send_heartbeat(out);  // also sends the command that waits
            return;
        case Role::sl:
            peers_.on_up(up.peer);
            models_.on_connection_changed(up.peer);
            round_.on_peer_up(now_, up.peer, out);
            catch_up_.on_peer_up(now_, up.peer, out);
            return;
        case Role::ml:
            ml_.on_up(up.peer);
            return;
        case Role::apls:
        case Role::tool:
            return;
    }
}

void SlNode::on_peer_lost(const PeerLost& lost, Outbox& out) {
    if (sn_.on_lost(now_, lost, out)) {
        return;
    }
    if (ml_.is_of_session(lost.peer) && !ending_code_) {
        const std::string reason =
            "its ML node '" + lost.peer.name + "' was lost (" + lost.reason + ")";
        ml_.release_ml();
        // Does not leave the run: the pair may be restarted, and the swarm waits for it.
        log_sl(Level::error, "Exiting SL. Reason: " + reason, out);
        stop(exit_code::peer_lost, reason, out);
        return;
    }
    if (ml_.is_early(lost.peer)) {
        on_ml_gone_early("was lost (" + lost.reason + ")", exit_code::peer_lost, out);
        return;
    }
    ml_.on_disconnected(lost.peer);
    models_.on_connection_changed(lost.peer);
    if (!peers_.on_lost(lost.peer)) {
        return;
    }
    dial_source(out);
    if (round_.running() != nullptr) {
        round_.on_peer_lost(lost.peer);
        log_sl(Level::warning,
               "Connection to member '" + lost.peer.name + "' was lost (" + lost.reason + ")", out);
        out.set_timer(peer_dial_timer, now_ + first_redial);
        if (!round_.running()->frozen()) {
            end_delays(out);
        }
    }
}

void SlNode::on_connect_failed(const ConnectFailed& failed, Outbox& out) {
    if (sn_.is_address(failed.address)) {
        if (const auto why = sn_.on_connect_failed(now_, failed, out)) {
            end(*why, out);
        }
        return;
    }
    peers_.on_connect_failed(failed.address);
    note_refusals(failed, out);
}

void SlNode::on_frame(const FrameReceived& received, Outbox& out) {
    const bool of_sn = sn_.is_sn(received.from);
    const auto* view = std::get_if<ViewUpdate>(&received.frame.message);
    if (view != nullptr && !of_sn) {
        note_later_view(received.from, view->view);
    }
    // No two of them take the same message.
    const bool taken = (of_sn && on_frame_of_sn(received.frame.message, out)) ||
                       (peers_.is_up(received.from) && on_frame_of_peer(received, out)) ||
                       on_frame_of_ml(received, out);
    if (of_sn) {
        sn_.on_heard(now_);
    }
    if (!taken) {
        out.report(TraceEvent("frame_ignored")
                       .with("peer", received.from.name)
                       .with("type", std::string(type_name(received.frame.message))));
    }
}

bool SlNode::on_frame_of_sn(const Message& message, Outbox& out) {
    if (const auto* result = std::get_if<CommandResult>(&message)) {
        on_result(*result, out);
    } else if (const auto* update = std::get_if<ViewUpdate>(&message)) {
        on_view_update(*update, out);
    } else if (const auto* part = std::get_if<MemberListPart>(&message)) {
        on_list_part(*part, out);
    } else if (const auto* news = std::get_if<RollNews>(&message)) {
        on_roll_news(*news, out);
    } else {
        return false;
    }
    return true;
}

bool SlNode::on_frame_of_peer(const FrameReceived& received, Outbox& out) {
    const NodeId& from = received.from;
    const Message& message = received.frame.message;
    if (const auto* fetch = std::get_if<FetchSegments>(&message)) {
        on_fetch(from, *fetch, out);
    } else if (const auto* data = std::get_if<SegmentData>(&message)) {
        on_segment(from, *data, received.frame.body, out);
    } else if (const auto* probe = std::get_if<FetchProbe>(&message)) {
        on_probe(from, *probe, out);
    } else if (const auto* reply = std::get_if<FetchProbeReply>(&message)) {
        on_probe_reply(from, *reply, out);
    } else {
        return false;
    }
    return true;
}

/// Of the session's ML node, or of one that has none yet.
bool SlNode::on_frame_of_ml(const FrameReceived& received, Outbox& out) {
    const NodeId& from = received.from;
    const Message& message = received.frame.message;
    const bool of_session = ml_.is_of_session(from);
    const auto* open = std::get_if<OpenSession>(&message);
    const auto* close = std::get_if<CloseSession>(&message);
    if (open != nullptr && ml_.is_connected(from)) {
        on_open_session(from, *open, out);
    } else if (close != nullptr && !of_session && ml_.is_early(from)) {
        on_ml_gone_early("ended: " + close->reason, exit_code_of(close->code), out);
    } else if (!of_session) {
        return false;
    } else if (close != nullptr) {
        on_close_session(*close, out);
    } else if (const auto* begin = std::get_if<SyncBegin>(&message)) {
        ml_.on_sync_begin(*begin, run_.next_round(), out);
        round_.set_storing_state(ml_.is_storing_state());
    } else if (const auto* segment = std::get_if<MlSegment>(&message)) {
        on_ml_segment(*segment, received.frame.body, out);
    } else if (const auto* stored = std::get_if<StateStored>(&message)) {
        ml_.on_state_stored(*stored);
        round_.set_storing_state(ml_.is_storing_state());
        send_results(out);
    } else if (std::holds_alternative<ModelTaken>(message)) {
        on_model_taken(out);
    } else {
        return false;
    }
    return true;
}

void SlNode::on_arrivals(const Arrivals& arrivals) {
    round_.on_arrivals(now_, arrivals);
    catch_up_.on_arrivals(now_, arrivals);
}

void SlNode::on_timer(const TimerDue& due, Outbox& out) {
    switch (static_cast<SlTimer>(due.timer)) {
        case heartbeat_timer:
            on_tick(out);
            return;
        case sn_dial_timer:
            sn_.dial(out);
            return;
        case peer_dial_timer:
            dial_partners(out);
            return;
        case linger_timer:
            linger_on(out);
            return;
        case delay_timer:
            end_delays(out);
            return;
        case end_timer:
            if (ending_code_) {
                stop(*ending_code_, "the SN did not answer the leave request", out);
            }
            return;
    }
}

void SlNode::on_tick(Outbox& out) {
    // When ticks are further apart than before, members do not go on to send their heartbeats at
    // the same time, and this one sends none yet.
    const bool longer_now = tick_interval_factor() > interval_factor_;
    if (!longer_now && sn_.heartbeat_due(now_)) {
        send_heartbeat(out);
    }
    round_.on_tick(now_, out);
    check_catch_up(out);
    transfers_.on_tick(now_, running_transfer(), out);
    const int factor = tick_interval_factor();
    const auto first = 1 + derive_seed(0, options_.id.name) % static_cast<std::uint64_t>(factor);
    const int wait = factor > interval_factor_ ? static_cast<int>(first) : factor;
    interval_factor_ = factor;
    out.set_timer(heartbeat_timer, now_ + options_.heartbeat_interval * wait);
}

int SlNode::tick_interval_factor() const {
    // Few members catch up at once, and what arrives is measured at ticks.
    // Members learn how many they are with the first round; until then the SN tells.
    return catch_up_.running()
               ? 1
               : std::max(heartbeat_interval_factor(run_.member_count()), sn_.interval_factor());
}

std::optional<RunningTransfer> SlNode::running_transfer() const {
    const Exchange* exchange = round_.running();
    if (exchange != nullptr && exchange->frozen()) {
        return RunningTransfer{{true, round_.serial()},
                               "Exchange of round " + std::to_string(exchange->key().round),
                               exchange->transfer()};
    }
    if (catch_up_.running()) {
        return RunningTransfer{{false, catch_up_.serial()},
                               "Model of round " + std::to_string(catch_up_.commit().round),
                               catch_up_.transfer()};
    }
    return std::nullopt;
}

std::unique_ptr<Node> make_sl_node(SlNodeOptions options, const Hasher& hasher) {
    return std::make_unique<SlNode>(std::move(options), hasher);
}

}  // namespace starling
