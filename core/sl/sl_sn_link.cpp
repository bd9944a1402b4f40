#include "core/base/overloaded.hpp"
#include "core/sl/sl_state.hpp"

namespace starling {
namespace {

constexpr SwarmDuration lagging_limit = std::chrono::seconds(10);
/// Time without a view, while waiting for a round, before a second SN is dialled; doubles up to the
/// maximum.
constexpr SwarmDuration view_wait_first = std::chrono::seconds(20);
constexpr SwarmDuration view_wait_max = std::chrono::minutes(5);

}  // namespace

void SlNode::dial_sn(Outbox& out) {
    if (!sn_) {
        out.connect(sn_address(), Role::sn);
    }
}

/// In addition to the connected one, which it replaces once it is connected.
void SlNode::dial_next_sn(Level level, const std::string& why, Outbox& out) {
    ++sn_at_;
    log(level, "SN '" + sn_->name + "' " + why + to_string(sn_address()), out);
    out.connect(sn_address(), Role::sn);
}

bool SlNode::answer_is_overdue() const {
    return options_.sn_addresses.size() > 1 && now_ - sn_asked_at_ > answer_limit();
}

void SlNode::leave_sn_without_answer(Outbox& out) {
    sn_asked_at_ = now_;
    dial_next_sn(Level::warning, "does not answer; dialling ", out);
}

/// From an SN that this node used before: it sends views while its connection lasts.
void SlNode::note_later_view(const ViewUpdate& update) {
    const bool of_session = session_ && session_->enrolled &&
                            update.view.name == session_->open.contract &&
                            update.view.run == session_->run;
    sees_later_view_ =
        sees_later_view_ || (of_session && (!view_ || update.view.version > view_->version));
}

/// Waits for a round while connected to a single SN, so a stale view would go unnoticed.
bool SlNode::waits_with_one_sn() const {
    return session_ && session_->enrolled && sync_ && sync_->waiting && connected_sns_.size() == 1;
}

/// Switches to the next SN if the current one sends no new view while another one does: it lags
/// behind, or delays this node on purpose. If no other SN is connected, the node switches after a
/// while to have two to compare. Seldom, so that an SN that lies about later views costs an
/// occasional connection only.
void SlNode::leave_sn_that_lags(Outbox& out) {
    if (options_.sn_addresses.size() < 2) {
        return;
    }
    const SwarmDuration quiet = now_ - view_at_;
    const SwarmDuration wait = std::max(view_wait_, view_wait_first);
    const bool lags = sees_later_view_ && quiet > lagging_limit;
    if (!lags && !(waits_with_one_sn() && quiet > wait)) {
        return;
    }
    view_wait_ = std::min(2 * wait, view_wait_max);
    sees_later_view_ = false;
    view_at_ = now_;
    if (lags) {
        dial_next_sn(Level::warning, "sends no new state, another SN does; dialling ", out);
    } else {
        dial_next_sn(
            Level::info,
            "has sent no new state of round " + std::to_string(next_round_) + "; also dialling ",
            out);
    }
}

void SlNode::submit(Command command, Outbox& out) {
    if (commands_.empty()) {
        sn_asked_at_ = now_;
    }
    commands_.push(std::move(command));
    if (sn_) {
        commands_.send(*sn_, false, out);
    }
}

void SlNode::on_result(const CommandResult& result, Outbox& out) {
    if (result.code == Errc::replaced) {
        // Or was it addressed to an earlier start of this node, whose connection this one replaced?
        if (result.session > options_.session) {
            crash({result.code, result.reason}, exit_code::refused, out);
        }
        return;
    }
    if (result.sequence == 0) {  // the answer to a heartbeat
        on_heartbeat_answered();
        const bool leaderless = result.code == Errc::unreachable;
        if (leaderless && !sn_leaderless_) {
            log(Level::warning, "SN '" + sn_->name + "': " + result.reason, out);
        }
        sn_leaderless_ = leaderless;
        if (result.code == Errc::stale && session_ && session_->enrolled) {
            rejoin(result.reason, out);
        } else if (result.code == Errc::refused && session_ && session_->enrolled) {
            fail({result.code, result.reason}, exit_code::refused, out);  // expelled
        } else if (leaderless && answer_is_overdue()) {
            leave_sn_without_answer(out);
        } else if (now_ - checked_in_at_ >= options_.heartbeat_interval / 2) {
            // The view is current, and may have arrived before the answer that refused a check-in.
            check_in_again(out);
        }
        return;
    }
    if (!commands_.answers(result)) {
        return;
    }
    const Command command = commands_.pop(result, out);
    sn_asked_at_ = now_;
    on_answer(command, result, out);
    if (sn_ && !stopped_) {
        commands_.send(*sn_, false, out);
    }
}

void SlNode::on_answer(const Command& command, const CommandResult& result, Outbox& out) {
    std::visit(
        Overloaded{
            [&](const RegisterNode&) {
                if (result.code != Errc::ok) {
                    fail({result.code, result.reason}, exit_code_of(result.code), out);
                    return;
                }
                log(Level::info, "Registration with Node DB is successful", out);
                out.report(TraceEvent("sl_ready")
                               .log(Level::info, component,
                                    "Successfully completed the initialization of SL node"));
            },
            [&](const Enrol& enrol) {
                if (result.code == Errc::stale && enrol.back_to && !session_->told) {
                    Enrol anew = enrol;  // the run of the earlier start is over: the one that is on
                    anew.back_to.reset();
                    submit(std::move(anew), out);
                    return;
                }
                if (result.code != Errc::ok) {
                    fail({result.code, result.reason}, exit_code_of(result.code), out);
                    return;
                }
                session_->enrolled = true;
                session_->run = result.run;
                view_at_ = now_;
                if (!session_->told) {
                    session_->told = true;
                    out.report(TraceEvent("session_opened")
                                   .with("contract", session_->open.contract)
                                   .with("run", result.run)
                                   .with("bytes", session_->layout->size_bytes()));
                    out.send(session_->ml, SessionOpened{result.run, next_round_,
                                                         session_->open.config.min_peers});
                } else if (sync_ && sync_->waiting && !catch_up_) {
                    check_in(out);
                }
                send_heartbeat(out);
            },
            [&](const CheckInRound&) {
                // Stale: the round was frozen or committed meanwhile; the view tells which.
                check_in_refused_ = result.code != Errc::ok;
                send_heartbeat(out);  // brings the view, and with it how many are here
            },
            [&](const CommitRound&) {},
            [&](const LeaveContract&) { stop(ending_code_.value_or(exit_code::ok), "left", out); },
            [&](const ExpireDeadline&) {},
            [&](const LoseNode&) {},
            [&](const ExcludeMember&) {},
            [&](const ReadBarrier&) {},
            [&](const Checkpoint&) {},
            [&](const RemoveServers&) {},
            [&](const SwarmRules&) {},
            [&](const ChangeRoll&) {},
            [&](const NameNonFinite&) {},
            [&](const KeepApart&) {},
            [&](const NameFalseMerge&) {},
        },
        command);
}

/// On a saturated link heartbeats would queue up and compete with the model: the next one is sent
/// after the answer to the previous one and as long again as that took. Without an answer the wait
/// grows by half each time: the first two waits stay within a lease, and the lease follows the
/// pauses that the SN observes.
void SlNode::send_heartbeat_if_due(Outbox& out) {
    const SwarmDuration first_wait = 3 * options_.heartbeat_interval;
    const SwarmDuration longest_wait = 30 * options_.heartbeat_interval;
    const SwarmDuration since = now_ - heartbeat_sent_at_;
    if (!heartbeat_unanswered_) {
        heartbeat_wait_ = first_wait;
    } else if (since >= heartbeat_wait_) {
        heartbeat_wait_ = std::min<SwarmDuration>(heartbeat_wait_ * 3 / 2, longest_wait);
        send_heartbeat(out);
        return;
    }
    if (!heartbeat_unanswered_ &&
        since >= std::min<SwarmDuration>(2 * sn_round_trip_, first_wait)) {
        send_heartbeat(out);
    }
}

void SlNode::on_heartbeat_answered() {
    if (heartbeat_unanswered_) {
        heartbeat_unanswered_ = false;
        sn_round_trip_ = now_ - heartbeat_sent_at_;
    }
}

void SlNode::send_heartbeat(Outbox& out) {
    if (!sn_) {
        return;
    }
    const bool enrolled = session_ && session_->enrolled;
    Heartbeat beat;
    beat.session = options_.session;
    beat.contract = enrolled ? session_->open.contract : "";
    beat.run = enrolled ? session_->run : 0;
    beat.known_version = enrolled && view_ ? view_->version : 0;
    if (exchange_) {
        beat.round = exchange_->key().round;
        beat.attempt = exchange_->key().attempt;
        beat.progress = exchange_->transfer();
        beat.stalls = exchange_->stalls(now_, options_.stall_limit, refused_by_);
        beat.report = report_;
    }
    out.send(*sn_, beat);
    heartbeat_sent_at_ = now_;
    heartbeat_unanswered_ = true;
    commands_.send(*sn_, true, out);
    if (!commands_.empty() && answer_is_overdue()) {
        leave_sn_without_answer(out);
    }
    leave_sn_that_lags(out);
    if (now_ - sn_heard_ > options_.sn_silence_limit && !sn_silent_) {
        sn_silent_ = true;
        log(Level::warning,
            "SN '" + sn_->name + "' has not answered for " +
                std::to_string(static_cast<int>(to_seconds(options_.sn_silence_limit))) + " s",
            out);
    }
}

void SlNode::note_members(const ContractView& view) {
    for (const RoundMember& member : view.frozen) {
        members_seen_.insert(member.id);
    }
    if (view.last_commit) {
        for (const RoundMember& member : view.last_commit->members) {
            members_seen_.insert(member.id);
        }
    }
}

void SlNode::on_view(const ContractView& view, Outbox& out) {
    if (!session_ || !session_->enrolled || view.name != session_->open.contract ||
        view.run != session_->run || (view_ && view.version <= view_->version) || ending_code_) {
        return;
    }
    if (!is_sound(view)) {
        out.report(
            TraceEvent("view_refused")
                .with("sn", sn_->name)
                .with("version", view.version)
                .log(Level::error, component,
                     "SN '" + sn_->name + "' sent an invalid state of round " +
                         std::to_string(view.round) +
                         " (duplicate members, or none with weight): ignored. Check that SN"));
        return;
    }
    view_ = view;
    view_at_ = now_;
    view_wait_ = {};
    sees_later_view_ = false;
    on_heartbeat_answered();  // a view may be the answer
    note_members(view);
    if (view.phase == ContractPhase::aborted) {
        session_->enrolled = false;
        fail({Errc::aborted, "the swarm has ended: " + view.reason}, exit_code::aborted, out);
        return;
    }
    if (view.last_commit && view.last_commit->round >= next_round_) {
        on_commit(*view.last_commit, out);
    }
    if (view.phase == ContractPhase::exchanging) {
        if (catch_up_ && catch_up_->commit().round + 1 == view.round) {
            catch_up_->learn(options_.id, view.frozen);
        }
        begin_exchange(out);
    } else if (exchange_) {  // the attempt is over, and nothing came of it
        end_exchange(out);
    }
    check_in_again(out);
    if (view.phase == ContractPhase::gathering && sync_ && sync_->waiting &&
        view.checked_in < view.min_peers && view.checked_in != last_checked_in_) {
        log(Level::info,
            "Waiting for checkin completion criteria to be met: round " +
                std::to_string(view.round) + ", " + std::to_string(view.checked_in) + "/" +
                std::to_string(view.min_peers),
            out);
        out.report(TraceEvent("waiting")
                       .with("round", view.round)
                       .with("here", view.checked_in)
                       .with("min_peers", view.min_peers));
    }
    last_checked_in_ = view.checked_in;
}

}  // namespace starling
