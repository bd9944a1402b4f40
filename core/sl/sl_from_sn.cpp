// What follows from the SN's answers to commands and heartbeats; sl_views.cpp: from its views.
#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {

void SlNode::submit_registration(Outbox& out) {
    submit(RegisterNode{Role::sl, options_.exchange_address, options_.signer->credentials()}, out);
}

void SlNode::submit(Command command, Outbox& out) { sn_.submit(now_, std::move(command), out); }

void SlNode::send_heartbeat(Outbox& out) {
    if (!sn_.sn()) {
        return;
    }
    Heartbeat beat;
    beat.session = options_.session;
    std::optional<Round> awaited;
    if (run_.enrolled()) {
        beat.contract = run_.contract();
        beat.run = run_.run();
        beat.known_version = run_.view() ? sn_.known_version(run_.view()->version) : 0;
        if (ml_.is_waiting() || catch_up_.running()) {
            awaited = run_.next_round();
        }
    }
    round_.report_progress(beat, now_, options_.stall_limit, peers_.refused_by());
    if (round_.running() != nullptr && round_.running()->frozen() &&
        beat.progress.received_bytes > 0) {
        sn_.on_taken_part(round_.proved_round());
    }
    catch_up_.report_progress(beat);
    sn_.send_heartbeat(now_, std::move(beat), awaited, out);
}

void SlNode::on_result(const CommandResult& result, Outbox& out) {
    if (result.code == Errc::replaced) {
        // Or was it addressed to an earlier start of this node, whose connection this one replaced?
        if (result.session > options_.session &&
            sn_.is_confirmed(now_, EndClaim::replaced, "says: " + result.reason, out)) {
            crash({result.code, result.reason}, exit_code::refused, out);
        }
        return;
    }
    if (result.sequence == 0) {
        on_heartbeat_answer(result, out);
        return;
    }
    if (const auto answered = sn_.take_answered(now_, result, out)) {
        if (answered->again) {
            on_answer_again(answered->command, result, out);
        } else {
            on_answer(answered->command, result, out);
        }
        if (!stopped_) {
            sn_.send_next(out);
        }
    }
}

void SlNode::on_heartbeat_answer(const CommandResult& answer, Outbox& out) {
    const bool dials_next = sn_.on_heartbeat_answered(now_, answer, out);
    if (answer.code == Errc::stale && run_.enrolled()) {
        if (sn_.is_confirmed(now_, EndClaim::lease_over, "says: " + answer.reason, out)) {
            rejoin(answer.reason, out);
        }
    } else if (answer.code == Errc::refused && run_.enrolled()) {
        if (sn_.is_confirmed(now_, EndClaim::expelled, "says: " + answer.reason, out)) {
            fail({answer.code, answer.reason}, exit_code::refused, out);
        }
    } else if (answer.code == Errc::aborted && run_.enrolled()) {
        // Not while its last model is fetched, or saved.
        if (!catch_up_.running() && !models_.is_final()) {
            end_with_run(answer.reason, out);
        }
    } else if (!dials_next && now_ - run_.checked_in_at() >= options_.heartbeat_interval / 2) {
        // The view is current, and may have arrived before the answer that refused a check-in.
        check_in_again(out);
    }
}

/// The answers to other commands have no consequences.
void SlNode::on_answer(const Command& command, const CommandResult& result, Outbox& out) {
    if (std::holds_alternative<RegisterNode>(command)) {
        on_registered(result, out);
    } else if (const auto* enrol = std::get_if<Enrol>(&command)) {
        on_enrolled(*enrol, result, out);
    } else if (const auto* check_in = std::get_if<CheckInRound>(&command)) {
        // Stale: the round was frozen or committed meanwhile; the view tells which. The view of a
        // round that this check-in has committed may have come before the answer.
        if (check_in->round == run_.next_round()) {
            run_.on_check_in_answered(now_, result.code == Errc::ok);
        }
        if (result.code != Errc::ok) {
            send_heartbeat(out);  // brings the view; if accepted, that of the frozen round follows
        }
    } else if (std::holds_alternative<LeaveContract>(command)) {
        stop(ending_code_.value_or(exit_code::ok), "left", out);
    }
}

/// Of another SN than the one that has answered the command before.
void SlNode::on_answer_again(const Command& command, const CommandResult& result, Outbox& out) {
    const auto* enrol = std::get_if<Enrol>(&command);
    const bool known = result.code == Errc::stale;  // a later command of this start was applied
    if (enrol == nullptr) {
        if (result.code != Errc::ok && !known && std::holds_alternative<RegisterNode>(command)) {
            on_registered(result, out);
        }
    } else if (result.code != Errc::ok && !known) {
        on_enrolled(*enrol, result, out);
    } else if (run_.view() || run_.is_in(enrol->contract, result.run)) {
        return;  // of the run that the first SN has named
    } else if (!known) {
        sn_.suspect_answers();  // which of the two SNs lies?
        on_enrolled(*enrol, result, out);
    } else {
        // Nobody has told of the run that the first SN named: is there such a run? Or that answer
        // was no valid one.
        Enrol anew = *enrol;
        anew.back_to = run_.enrolled() ? run_.run() : enrol->back_to;
        submit(std::move(anew), out);
    }
}

void SlNode::on_registered(const CommandResult& result, Outbox& out) {
    if (result.code != Errc::ok) {
        fail({result.code, result.reason}, exit_code_of(result.code), out);
        return;
    }
    log_sl(Level::info, "Registration with Node DB is successful", out);
    TraceEvent ready("sl_ready");
    if (!options_.site.empty()) {
        ready = std::move(ready).with("site", options_.site);
    }
    out.report(std::move(ready).log(Level::info, sl_component,
                                    "Successfully completed the initialization of SL node"));
}

void SlNode::on_enrolled(const Enrol& enrol, const CommandResult& result, Outbox& out) {
    const bool began = ml_.has_joined() && (run_.next_round() > 0 || run_.view());
    if (result.code == Errc::stale && enrol.back_to && !began) {
        // The run of the earlier start is over, or an SN has made one up: the one that is on.
        Enrol anew = enrol;
        anew.back_to.reset();
        submit(std::move(anew), out);
        return;
    }
    if (result.code != Errc::ok) {
        fail({result.code, result.reason}, exit_code_of(result.code), out);
        return;
    }
    if (began && enrol.back_to && result.run != *enrol.back_to && sn_.has_others()) {
        // A ledger takes a node back to its run, or refuses: the next SN is asked.
        sn_.on_invalid(now_, out);
        return;
    }
    run_.on_enrolled(result.run);
    sn_.expect_view(now_);
    if (!ml_.has_joined()) {
        ml_.on_joined(result.run, run_.next_round(), out);
    } else if (ml_.is_waiting() && !catch_up_.running()) {
        check_in(out);
    }
    send_heartbeat(out);
}

/// The lease expired while this node was cut off: enrols again and resumes at the current round.
void SlNode::rejoin(const std::string& reason, Outbox& out) {
    log_sl(Level::warning, "Rejoining: " + reason, out);
    sn_.on_rejoin();
    run_.on_expired();
    round_.end(out);
    submit_registration(out);
    const OpenSession& request = ml_.request();
    submit(Enrol{request.contract, request.config, ml_.layout_text(), run_.run(), options_.site},
           out);
}

void SlNode::on_roll_news(const RollNews& news, Outbox& out) const {
    for (const RollNews::Pin& pin : news.pins) {
        if (pin.node != options_.id) {
            out.pin_peer(pin.node, pin.ca);
        }
    }
}

}  // namespace starling
