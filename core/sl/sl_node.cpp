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
    now_ = now;
    if (stopped_) {
        return;
    }
    std::visit(Overloaded{
                   [&](const Started&) { start(effects); },
                   [&](const PeerUp& up) { on_peer_up(up, effects); },
                   [&](const PeerLost& lost) { on_peer_lost(lost, effects); },
                   [&](const ConnectFailed& failed) { on_connect_failed(failed, effects); },
                   [&](const FrameReceived& received) { on_frame(received, effects); },
                   [&](const TimerDue& due) { on_timer(due, effects); },
                   [&](const WorkDone& done) { on_work(done, effects); },
                   [&](const Arrivals& arrivals) { on_arrivals(arrivals); },
                   [&](const StopRequested& request) { on_stop_requested(request, effects); },
               },
               input);
}

void SlNode::on_stop_requested(const StopRequested& request, std::vector<Effect>& effects) {
    if (!request.by_operator()) {
        fail({request.code, request.reason}, exit_code_of(request.code), effects);
    } else if (session_ && committed_ && committed_->commit.final &&
               session_->ml_has == committed_->commit.round) {
        // The training is complete. The program may still be saving the final model.
        stop_once_saved_ = true;
        if (session_->ml.name.empty()) {
            leave_complete(effects);
        } else {
            log(Level::info,
                "Asked to stop (" + request.reason +
                    "): training is complete; stopping once ML node '" + session_->ml.name +
                    "' has ended",
                effects);
        }
    } else {
        fail({Errc::aborted, "stopped by the operator (" + request.reason + ")"},
             session_ ? exit_code::aborted : exit_code::ok, effects);
    }
}

void SlNode::log(Level level, std::string text, std::vector<Effect>& effects) const {
    effects.push_back(Report{TraceEvent("sl_log").log(level, component, std::move(text))});
}

void SlNode::start(std::vector<Effect>& effects) {
    log(Level::info,
        "Setting up SL node '" + options_.id.name + "', exchange address " +
            to_string(options_.exchange_address) + ", SN " + to_string(sn_address()),
        effects);
    sn_lost_at_ = now_;
    dial_sn(effects);
    submit(registration(), effects);
    effects.push_back(SetTimer{heartbeat_timer, now_ + options_.heartbeat_interval});
}

void SlNode::on_peer_up(const PeerUp& up, std::vector<Effect>& effects) {
    switch (up.role) {
        case Role::sn:
            sn_ = up.peer;
            connected_sns_.insert(up.peer);
            view_at_ = now_;
            if (up.ca != CaFingerprint{}) {
                effects.push_back(PinPeer{up.peer, up.ca});  // until an SN says otherwise
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
                effects);
            send_heartbeat(effects);  // also sends the command that waits
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
                exchange_->on_peer_up(now_, up.peer, effects);
            }
            if (catch_up_) {
                catch_up_->on_peer_up(now_, up.peer, effects);
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

void SlNode::on_peer_lost(const PeerLost& lost, std::vector<Effect>& effects) {
    connected_sns_.erase(lost.peer);
    if (sn_ && lost.peer == *sn_) {
        sn_.reset();
        sn_lost_at_ = now_;
        ++sn_at_;
        log(Level::warning,
            "SN '" + lost.peer.name + "' is gone (" + lost.reason + "); dialling again", effects);
        effects.push_back(SetTimer{sn_dial_timer, now_ + redial_interval / 5});
        return;
    }
    if (session_ && lost.peer == session_->ml && !ending_code_) {
        const std::string reason =
            "its ML node '" + lost.peer.name + "' is gone (" + lost.reason + ")";
        session_->ml = {};
        // Does not leave the run: the pair may be restarted, and the swarm waits for it.
        log(Level::error, "Exiting SL. Reason: " + reason, effects);
        stop(exit_code::peer_lost, reason, effects);
        return;
    }
    if (ml_ && lost.peer == *ml_) {
        on_ml_gone_early("is gone (" + lost.reason + ")", exit_code::peer_lost, effects);
        return;
    }
    const bool was_up = up_.erase(lost.peer) > 0;
    served_committed_.erase(lost.peer);
    mls_.erase(lost.peer);
    if (was_up && catch_up_) {
        dial_source(effects);
    }
    if (was_up && exchange_) {
        exchange_->on_peer_lost(lost.peer);
        log(Level::warning,
            "Connection to member '" + lost.peer.name + "' was cut (" + lost.reason + ")", effects);
        effects.push_back(SetTimer{peer_dial_timer, now_ + redial_interval / 5});
    }
}

void SlNode::on_connect_failed(const ConnectFailed& failed, std::vector<Effect>& effects) {
    const bool of_sn = std::find(options_.sn_addresses.begin(), options_.sn_addresses.end(),
                                 failed.address) != options_.sn_addresses.end();
    if (of_sn) {
        if (failed.error.code == Errc::replaced) {
            crash(failed.error, exit_code::refused, effects);
            return;
        }
        sn_refusals_ = failed.fatal ? sn_refusals_ + 1 : 0;
        ++sn_at_;
        if (sn_) {
            return;  // it was a second one that was tried
        }
        if (sn_refusals_ >= options_.sn_addresses.size()) {
            log(Level::error, failed.error.message, effects);
            stop(exit_code_of(failed.error.code), failed.error.message, effects);
        } else if (now_ - sn_lost_at_ >= options_.sn_connect_limit) {
            const std::string text =
                "no SN at " + to_string(failed.address) + " for " +
                std::to_string(static_cast<int>(to_seconds(options_.sn_connect_limit))) + " s (" +
                failed.error.message + "): check --sn-ip and --sn-api-port";
            fail({Errc::unreachable, text}, exit_code::peer_lost, effects);
        } else {
            // Well below the SN's limit for reconnecting.
            sn_backoff_ = std::min<SwarmDuration>(sn_backoff_ * 2 + std::chrono::milliseconds(50),
                                                  redial_interval);
            effects.push_back(SetTimer{sn_dial_timer, now_ + sn_backoff_});
        }
        return;
    }
    // Also an address that an earlier round or catch-up dialled: it is dialled again when it is
    // needed.
    std::erase_if(dialling_, [&](const auto& dialled) { return dialled.second == failed.address; });
    on_no_way_to(failed, effects);
}

void SlNode::on_frame(const FrameReceived& received, std::vector<Effect>& effects) {
    const NodeId& from = received.from;
    const bool of_sn = sn_ && from == *sn_;
    const bool of_ml = session_ && from == session_->ml;
    const bool of_sl = up_.count(from) > 0;
    bool expected = true;
    std::visit(
        Overloaded{
            [&](const CommandResult& m) { of_sn ? on_result(m, effects) : void(expected = false); },
            [&](const ViewUpdate& m) {
                of_sn ? on_view(m.view, effects) : note_later_view(m);
                expected = of_sn;
            },
            [&](const RollNews& m) {
                expected = of_sn;
                for (const RollNews::Pin& pin : m.pins) {
                    if (of_sn && pin.node != options_.id) {
                        effects.push_back(PinPeer{pin.node, pin.ca});
                    }
                }
            },
            [&](const FetchSegments& m) {
                of_sl ? on_fetch(from, m, effects) : void(expected = false);
            },
            [&](const SegmentData& m) {
                of_sl ? on_segment(from, m, received.frame.body, effects) : void(expected = false);
            },
            [&](const FetchProbe& m) {
                of_sl ? on_probe(from, m, effects) : void(expected = false);
            },
            [&](const FetchProbeReply& m) {
                of_sl ? on_probe_reply(from, m, effects) : void(expected = false);
            },
            [&](const OpenSession& m) {
                mls_.contains(from) ? on_open_session(from, m, effects) : void(expected = false);
            },
            [&](const SyncBegin& m) { of_ml ? on_sync_begin(m, effects) : void(expected = false); },
            [&](const MlSegment& m) {
                of_ml ? on_ml_segment(m, received.frame.body, effects) : void(expected = false);
            },
            [&](const CloseSession& m) {
                if (of_ml) {
                    on_close_session(m, effects);
                } else if (ml_ && from == *ml_) {
                    on_ml_gone_early("ended: " + m.reason, exit_code_of(m.code), effects);
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
        effects.push_back(
            Report{TraceEvent("frame_ignored")
                       .with("peer", from.name)
                       .with("type", std::string(type_name(received.frame.message)))});
    }
}

void SlNode::on_timer(const TimerDue& due, std::vector<Effect>& effects) {
    switch (static_cast<Timer>(due.timer)) {
        case heartbeat_timer:
            send_heartbeat_if_due(effects);
            if (exchange_) {
                exchange_->on_tick(now_, effects);
            }
            check_catch_up(effects);
            show_transfer(effects);
            effects.push_back(SetTimer{heartbeat_timer, now_ + options_.heartbeat_interval});
            return;
        case sn_dial_timer:
            dial_sn(effects);
            return;
        case peer_dial_timer:
            dial_partners(effects);
            return;
        case linger_timer:
            linger_on(effects);
            return;
        case end_timer:
            if (ending_code_) {
                stop(*ending_code_, "the SN did not answer the goodbye", effects);
            }
            return;
    }
}

void SlNode::fail(const Error& error, int code, std::vector<Effect>& effects) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, effects);
    leave(code, error.message, effects);
}

void SlNode::crash(const Error& error, int code, std::vector<Effect>& effects) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, effects);
    if (session_ && session_->enrolled) {
        log(Level::info, "Started again with the same command, this node goes on with the same run",
            effects);
    }
    stop(code, error.message, effects);
}

void SlNode::tell_end(const Error& error, int code, std::vector<Effect>& effects) const {
    const bool asked_for = code == exit_code::ok;
    log(asked_for ? Level::info : Level::error, "Exiting SL. Reason: " + error.message, effects);
    if (session_ && !session_->ml.name.empty()) {
        effects.push_back(Send{session_->ml, {SessionFailed{error.code, error.message}, {}}});
    }
}

void SlNode::leave(int code, const std::string& reason, std::vector<Effect>& effects) {
    if (!sn_ || !session_ || !session_->enrolled) {
        stop(code, reason, effects);
        return;
    }
    ending_code_ = code;
    submit(LeaveContract{session_->open.contract, session_->run, reason}, effects);
    effects.push_back(SetTimer{end_timer, now_ + goodbye_limit});
}

void SlNode::stop(int code, const std::string& reason, std::vector<Effect>& effects) {
    stopped_ = true;
    effects.push_back(
        Report{TraceEvent("node_stopped").with("code", static_cast<std::uint64_t>(code))});
    effects.push_back(Stop{code, reason});
}

std::unique_ptr<Node> make_sl_node(SlNodeOptions options) {
    return std::make_unique<SlNode>(std::move(options));
}

}  // namespace starling
