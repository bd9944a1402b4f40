#include "core/sl/sl_node.hpp"

#include <algorithm>

#include "core/base/overloaded.hpp"
#include "core/sl/sl_state.hpp"

namespace starling {
namespace {

/// Long enough for an answer over a slow link; without one the lease of this node expires.
constexpr SwarmDuration goodbye_limit = std::chrono::seconds(2);

}  // namespace

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

void SlNode::on_stop_requested(const StopRequested& request, Outbox& out) {
    if (!request.by_operator()) {
        fail({request.code, request.reason}, exit_code_of(request.code), out);
    } else if (session_ && committed_ && committed_->commit.final &&
               session_->ml_has == committed_->commit.round) {
        // The training is complete. The program may still be saving the final model.
        stop_once_saved_ = true;
        if (session_->ml.name.empty()) {
            leave_complete(out);
        } else {
            log(Level::info,
                "Asked to stop (" + request.reason +
                    "): training is complete; stopping once ML node '" + session_->ml.name +
                    "' has ended",
                out);
        }
    } else {
        fail({Errc::aborted, "stopped by the operator (" + request.reason + ")"},
             session_ ? exit_code::aborted : exit_code::ok, out);
    }
}

void SlNode::log(Level level, std::string text, Outbox& out) const {
    out.report(TraceEvent("sl_log").log(level, component, std::move(text)));
}

void SlNode::start(Outbox& out) {
    log(Level::info,
        "Setting up SL node '" + options_.id.name + "', exchange address " +
            to_string(options_.exchange_address) + ", SN " + to_string(sn_address()),
        out);
    sn_lost_at_ = now_;
    dial_sn(out);
    submit(registration(), out);
    out.set_timer(heartbeat_timer, now_ + options_.heartbeat_interval);
}

void SlNode::on_peer_up(const PeerUp& up, Outbox& out) {
    switch (up.role) {
        case Role::sn:
            sn_ = up.peer;
            connected_sns_.insert(up.peer);
            view_at_ = now_;
            if (up.ca != CaFingerprint{}) {
                out.pin_peer(up.peer, up.ca);  // until an SN says otherwise
            }
            heartbeat_unanswered_ = false;
            sn_heard_ = now_;
            sn_silent_ = false;
            sn_backoff_ = {};
            sn_refusals_ = 0;
            sn_asked_at_ = now_;
            log(Level::info,
                "API-SERVER IS UP: connected to SN '" + up.peer.name + "' at " +
                    to_string(up.dialled),
                out);
            send_heartbeat(out);  // also sends the command that waits
            return;
        case Role::sl:
            up_.insert(up.peer);
            dialling_.erase(up.peer);
            refused_by_.erase(up.peer);
            served_committed_.erase(up.peer);
            was_connected_with_member_ = true;
            if (exchange_) {
                // Frames on the older connection may be lost.
                exchange_->on_peer_lost(up.peer);
                exchange_->on_peer_up(now_, up.peer, out);
            }
            if (catch_up_) {
                catch_up_->on_peer_up(now_, up.peer, out);
            }
            return;
        case Role::ml:
            mls_.insert(up.peer);
            if (!session_) {
                ml_ = up.peer;
            }
            return;
        case Role::apls:
        case Role::tool:
            return;
    }
}

void SlNode::on_peer_lost(const PeerLost& lost, Outbox& out) {
    connected_sns_.erase(lost.peer);
    if (sn_ && lost.peer == *sn_) {
        sn_.reset();
        sn_lost_at_ = now_;
        ++sn_at_;
        log(Level::warning,
            "SN '" + lost.peer.name + "' is gone (" + lost.reason + "); dialling again", out);
        out.set_timer(sn_dial_timer, now_ + redial_interval / 5);
        return;
    }
    if (session_ && lost.peer == session_->ml && !ending_code_) {
        const std::string reason =
            "its ML node '" + lost.peer.name + "' is gone (" + lost.reason + ")";
        session_->ml = {};
        // Does not leave the run: the pair may be restarted, and the swarm waits for it.
        log(Level::error, "Exiting SL. Reason: " + reason, out);
        stop(exit_code::peer_lost, reason, out);
        return;
    }
    if (ml_ && lost.peer == *ml_) {
        on_ml_gone_early("is gone (" + lost.reason + ")", exit_code::peer_lost, out);
        return;
    }
    const bool was_up = up_.erase(lost.peer) > 0;
    served_committed_.erase(lost.peer);
    mls_.erase(lost.peer);
    if (was_up && catch_up_) {
        dial_source(out);
    }
    if (was_up && exchange_) {
        exchange_->on_peer_lost(lost.peer);
        log(Level::warning,
            "Connection to member '" + lost.peer.name + "' was cut (" + lost.reason + ")", out);
        out.set_timer(peer_dial_timer, now_ + redial_interval / 5);
    }
}

void SlNode::on_connect_failed(const ConnectFailed& failed, Outbox& out) {
    const bool of_sn = std::find(options_.sn_addresses.begin(), options_.sn_addresses.end(),
                                 failed.address) != options_.sn_addresses.end();
    if (of_sn) {
        if (failed.error.code == Errc::replaced) {
            crash(failed.error, exit_code::refused, out);
            return;
        }
        sn_refusals_ = failed.fatal ? sn_refusals_ + 1 : 0;
        ++sn_at_;
        if (sn_) {
            return;  // it was a second one that was tried
        }
        if (sn_refusals_ >= options_.sn_addresses.size()) {
            log(Level::error, failed.error.message, out);
            stop(exit_code_of(failed.error.code), failed.error.message, out);
        } else if (now_ - sn_lost_at_ >= options_.sn_connect_limit) {
            const std::string text =
                "no SN at " + to_string(failed.address) + " for " +
                std::to_string(static_cast<int>(to_seconds(options_.sn_connect_limit))) + " s (" +
                failed.error.message + "): check --sn-ip and --sn-api-port";
            fail({Errc::unreachable, text}, exit_code::peer_lost, out);
        } else {
            // Well below the SN's limit for reconnecting.
            sn_backoff_ = std::min<SwarmDuration>(sn_backoff_ * 2 + std::chrono::milliseconds(50),
                                                  redial_interval);
            out.set_timer(sn_dial_timer, now_ + sn_backoff_);
        }
        return;
    }
    // Also an address that an earlier round or catch-up dialled: it is dialled again when it is
    // needed.
    std::erase_if(dialling_, [&](const auto& dialled) { return dialled.second == failed.address; });
    on_no_way_to(failed, out);
}

void SlNode::on_frame(const FrameReceived& received, Outbox& out) {
    const NodeId& from = received.from;
    const bool of_sn = sn_ && from == *sn_;
    const bool of_ml = session_ && from == session_->ml;
    const bool of_sl = up_.count(from) > 0;
    bool expected = true;
    std::visit(
        Overloaded{
            [&](const CommandResult& m) { of_sn ? on_result(m, out) : void(expected = false); },
            [&](const ViewUpdate& m) {
                of_sn ? on_view(m.view, out) : note_later_view(m);
                expected = of_sn;
            },
            [&](const RollNews& m) {
                expected = of_sn;
                for (const RollNews::Pin& pin : m.pins) {
                    if (of_sn && pin.node != options_.id) {
                        out.pin_peer(pin.node, pin.ca);
                    }
                }
            },
            [&](const FetchSegments& m) {
                of_sl ? on_fetch(from, m, out) : void(expected = false);
            },
            [&](const SegmentData& m) {
                of_sl ? on_segment(from, m, received.frame.body, out) : void(expected = false);
            },
            [&](const FetchProbe& m) { of_sl ? on_probe(from, m, out) : void(expected = false); },
            [&](const FetchProbeReply& m) {
                of_sl ? on_probe_reply(from, m, out) : void(expected = false);
            },
            [&](const OpenSession& m) {
                mls_.contains(from) ? on_open_session(from, m, out) : void(expected = false);
            },
            [&](const SyncBegin& m) { of_ml ? on_sync_begin(m, out) : void(expected = false); },
            [&](const MlSegment& m) {
                of_ml ? on_ml_segment(m, received.frame.body, out) : void(expected = false);
            },
            [&](const CloseSession& m) {
                if (of_ml) {
                    on_close_session(m, out);
                } else if (ml_ && from == *ml_) {
                    on_ml_gone_early("ended: " + m.reason, exit_code_of(m.code), out);
                } else {
                    expected = false;
                }
            },
            [&](const auto&) { expected = false; },
        },
        received.frame.message);
    if (of_sn) {
        sn_heard_ = now_;
        sn_silent_ = false;
    }
    if (!expected) {
        out.report(TraceEvent("frame_ignored")
                       .with("peer", from.name)
                       .with("type", std::string(type_name(received.frame.message))));
    }
}

void SlNode::on_timer(const TimerDue& due, Outbox& out) {
    switch (static_cast<Timer>(due.timer)) {
        case heartbeat_timer:
            send_heartbeat_if_due(out);
            if (exchange_) {
                exchange_->on_tick(now_, out);
            }
            check_catch_up(out);
            show_transfer(out);
            out.set_timer(heartbeat_timer, now_ + options_.heartbeat_interval);
            return;
        case sn_dial_timer:
            dial_sn(out);
            return;
        case peer_dial_timer:
            dial_partners(out);
            return;
        case linger_timer:
            linger_on(out);
            return;
        case end_timer:
            if (ending_code_) {
                stop(*ending_code_, "the SN did not answer the goodbye", out);
            }
            return;
    }
}

void SlNode::fail(const Error& error, int code, Outbox& out) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, out);
    leave(code, error.message, out);
}

void SlNode::crash(const Error& error, int code, Outbox& out) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, out);
    if (session_ && session_->enrolled) {
        log(Level::info, "Started again with the same command, this node goes on with the same run",
            out);
    }
    stop(code, error.message, out);
}

void SlNode::tell_end(const Error& error, int code, Outbox& out) const {
    const bool asked_for = code == exit_code::ok;
    log(asked_for ? Level::info : Level::error, "Exiting SL. Reason: " + error.message, out);
    if (session_ && !session_->ml.name.empty()) {
        out.send(session_->ml, SessionFailed{error.code, error.message});
    }
}

void SlNode::leave(int code, const std::string& reason, Outbox& out) {
    if (!sn_ || !session_ || !session_->enrolled) {
        stop(code, reason, out);
        return;
    }
    ending_code_ = code;
    submit(LeaveContract{session_->open.contract, session_->run, reason}, out);
    out.set_timer(end_timer, now_ + goodbye_limit);
}

void SlNode::stop(int code, const std::string& reason, Outbox& out) {
    stopped_ = true;
    out.report(TraceEvent("node_stopped").with("code", static_cast<std::uint64_t>(code)));
    out.stop(code, reason);
}

std::unique_ptr<Node> make_sl_node(SlNodeOptions options) {
    return std::make_unique<SlNode>(std::move(options));
}

}  // namespace starling
