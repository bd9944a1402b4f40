#include "core/sl/sl_state.hpp"

namespace starling {

SnLinkSetup SlNode::sn_link_setup(const SlNodeOptions& options) {
    return {.self = options.id,
            .session = options.session,
            .signer = options.signer,
            .addresses = options.sn_addresses,
            .connect_limit = options.sn_connect_limit,
            .answer_limit = options.sn_answer_limit,
            .silence_limit = options.sn_silence_limit,
            .heartbeat_interval = options.heartbeat_interval};
}

/// From an SN that this node used before: it sends views while its connection lasts.
void SlNode::note_later_view(const ViewUpdate& update) {
    const bool of_session = session_ && session_->enrolled &&
                            update.view.name == session_->open.contract &&
                            update.view.run == session_->run;
    if (of_session && (!view_ || update.view.version > view_->version)) {
        sn_.on_later_view_elsewhere();
    }
}

std::optional<Round> SlNode::awaited_round() const {
    const bool waits = session_ && session_->enrolled && sync_ && sync_->waiting;
    return waits ? std::optional(next_round_) : std::nullopt;
}

void SlNode::submit(Command command, Outbox& out) { sn_.submit(now_, std::move(command), out); }

void SlNode::on_result(const CommandResult& result, Outbox& out) {
    if (result.code == Errc::replaced) {
        // Or was it addressed to an earlier start of this node, whose connection this one replaced?
        if (result.session > options_.session) {
            crash({result.code, result.reason}, exit_code::refused, out);
        }
        return;
    }
    if (result.sequence == 0) {
        on_heartbeat_answer(result, out);
        return;
    }
    if (const auto command = sn_.take_answered(now_, result, out)) {
        on_answer(*command, result, out);
        if (!stopped_) {
            sn_.send_next(out);
        }
    }
}

void SlNode::on_heartbeat_answer(const CommandResult& answer, Outbox& out) {
    const bool dials_next = sn_.on_heartbeat_answered(now_, answer, out);
    const bool enrolled = session_ && session_->enrolled;
    if (answer.code == Errc::stale && enrolled) {
        rejoin(answer.reason, out);
    } else if (answer.code == Errc::refused && enrolled) {
        fail({answer.code, answer.reason}, exit_code::refused, out);  // expelled
    } else if (!dials_next && now_ - checked_in_at_ >= options_.heartbeat_interval / 2) {
        // The view is current, and may have arrived before the answer that refused a check-in.
        check_in_again(out);
    }
}

/// What follows from the answer to each command; the others have no consequences.
void SlNode::on_answer(const Command& command, const CommandResult& result, Outbox& out) {
    if (std::holds_alternative<RegisterNode>(command)) {
        on_registered(result, out);
    } else if (const auto* enrol = std::get_if<Enrol>(&command)) {
        on_enrolled(*enrol, result, out);
    } else if (std::holds_alternative<CheckInRound>(command)) {
        // Stale: the round was frozen or committed meanwhile; the view tells which.
        check_in_refused_ = result.code != Errc::ok;
        send_heartbeat(out);  // brings the view, and with it how many are here
    } else if (std::holds_alternative<LeaveContract>(command)) {
        stop(ending_code_.value_or(exit_code::ok), "left", out);
    }
}

void SlNode::on_registered(const CommandResult& result, Outbox& out) {
    if (result.code != Errc::ok) {
        fail({result.code, result.reason}, exit_code_of(result.code), out);
        return;
    }
    log_sl(Level::info, "Registration with Node DB is successful", out);
    out.report(TraceEvent("sl_ready")
                   .log(Level::info, sl_component,
                        "Successfully completed the initialization of SL node"));
}

void SlNode::on_enrolled(const Enrol& enrol, const CommandResult& result, Outbox& out) {
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
    sn_.expect_view(now_);
    if (!session_->told) {
        session_->told = true;
        out.report(TraceEvent("session_opened")
                       .with("contract", session_->open.contract)
                       .with("run", result.run)
                       .with("bytes", session_->layout->size_bytes()));
        out.send(session_->ml,
                 SessionOpened{result.run, next_round_, session_->open.config.min_peers});
    } else if (sync_ && sync_->waiting && !catch_up_) {
        check_in(out);
    }
    send_heartbeat(out);
}

void SlNode::send_heartbeat(Outbox& out) {
    if (!sn_.sn()) {
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
    sn_.send_heartbeat(now_, std::move(beat), awaited_round(), out);
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
                .with("sn", sn_.sn()->name)
                .with("version", view.version)
                .log(Level::error, sl_component,
                     "SN '" + sn_.sn()->name + "' sent an invalid state of round " +
                         std::to_string(view.round) +
                         " (duplicate members, or none with weight): ignored. Check that SN"));
        return;
    }
    view_ = view;
    sn_.on_view(now_);
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
        log_sl(Level::info,
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
