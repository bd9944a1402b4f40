// What follows from what the SN says: answers to commands and heartbeats, and views of the
// contract.
#include <algorithm>

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
        beat.known_version = run_.view() ? run_.view()->version : 0;
        awaited = ml_.is_waiting() ? std::optional(run_.next_round()) : std::nullopt;
    }
    round_.report_progress(beat, now_, options_.stall_limit, peers_.refused_by());
    catch_up_.report_progress(beat);
    sn_.send_heartbeat(now_, std::move(beat), awaited, out);
}

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
    if (answer.code == Errc::stale && run_.enrolled()) {
        rejoin(answer.reason, out);
    } else if (answer.code == Errc::refused && run_.enrolled()) {
        fail({answer.code, answer.reason}, exit_code::refused, out);  // expelled
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
    } else if (std::holds_alternative<CheckInRound>(command)) {
        // Stale: the round was frozen or committed meanwhile; the view tells which.
        run_.on_check_in_answered(result.code == Errc::ok);
        if (result.code != Errc::ok) {
            send_heartbeat(out);  // brings the view; if accepted, that of the frozen round follows
        }
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
    TraceEvent ready("sl_ready");
    if (!options_.site.empty()) {
        ready = std::move(ready).with("site", options_.site);
    }
    out.report(std::move(ready).log(Level::info, sl_component,
                                    "Successfully completed the initialization of SL node"));
}

void SlNode::on_enrolled(const Enrol& enrol, const CommandResult& result, Outbox& out) {
    if (result.code == Errc::stale && enrol.back_to && !ml_.has_joined()) {
        Enrol anew = enrol;  // the run of the earlier start is over: the one that is on
        anew.back_to.reset();
        submit(std::move(anew), out);
        return;
    }
    if (result.code != Errc::ok) {
        fail({result.code, result.reason}, exit_code_of(result.code), out);
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

/// From an SN that this node used before: it sends views while its connection lasts.
void SlNode::note_later_view(const ContractView& view) {
    if (run_.is_news(view)) {
        sn_.on_later_view_elsewhere();
    }
}

void SlNode::on_view_update(const ViewUpdate& update, Outbox& out) {
    if (!run_.is_news(update.view) || ending_code_) {
        return;
    }
    const bool known = lists_.awaits(update.view.version);
    if (const auto view = lists_.take(*sn_.sn(), update, out)) {
        on_view(*view, out);
    } else if (!known) {
        sn_.on_view(now_);
    }
}

/// A lying SN may send such things as fast as it can: they are logged rarely.
void SlNode::refuse(TraceEvent event, const std::string& what, Outbox& out) {
    const NodeId& sn = *sn_.sn();
    event = std::move(event).with("sn", sn.name);
    if (refusals_.take(sn, now_)) {
        event = std::move(event).log(
            Level::error, sl_component,
            "SN '" + sn.name + "' sent an invalid " + what + ": ignored. Check that SN");
    }
    out.report(std::move(event));
}

void SlNode::on_list_part(const MemberListPart& part, Outbox& out) {
    const auto taken = lists_.take_part(*sn_.sn(), part, out);
    if (!taken) {
        refuse(TraceEvent("members_refused"), "list of members (" + taken.error().message + ")",
               out);
    } else if (taken->view) {
        on_view(*taken->view, out);
    } else if (taken->of_use) {
        sn_.on_view(now_);  // the SN does send what is new
    } else if (taken->gone) {
        send_heartbeat(out);  // the answer is the newest view
    }
}

void SlNode::on_view(const ContractView& view, Outbox& out) {
    if (!run_.is_news(view) || ending_code_) {
        return;
    }
    if (!options_.shared->is_sound_view(view)) {
        refuse(TraceEvent("view_refused").with("version", view.version),
               "view of round " + std::to_string(view.round) +
                   " (duplicate members, or none with weight)",
               out);
        return;
    }
    run_.take(view);
    sn_.on_view(now_);
    if (view.phase == ContractPhase::aborted) {
        run_.on_ended();
        fail({Errc::aborted, "the swarm has ended: " + view.reason}, exit_code::aborted, out);
        return;
    }
    if (view.last_commit && view.last_commit->round >= run_.next_round()) {
        on_commit(*view.last_commit, out);
    }
    catch_up_.learn(view.round,
                    view.phase == ContractPhase::exchanging ? view.frozen : view.holders);
    if (view.phase == ContractPhase::exchanging) {
        begin_exchange(out);
    } else if (!view.all_stayed || !round_.awaits_freeze(run_.key())) {
        round_.end(out);  // the attempt is over, or has begun with one that has left
    }
    check_in_again(out);
    run_.report_waiting(ml_.is_waiting(), out);
}

void SlNode::on_commit(const Commit& commit, Outbox& out) {
    const std::optional<Digest> merged = round_.merged_digest(commit);
    if (merged == commit.digest) {
        const Segments at_hand = round_.merged();
        resume_from(round_.finish(commit, out), at_hand, out);
        return;
    }
    if (merged) {
        catch_up_.note_deviation(round_.deviation(commit));
        report_deviation(commit.round, *merged, commit.digest, out);
    }
    catch_up_to(commit, out);
}

/// The round was committed without this node, or to another model than its own.
void SlNode::catch_up_to(const Commit& commit, Outbox& out) {
    if (catch_up_.covers(commit)) {
        return;
    }
    if (const Exchange* exchange = round_.running();
        exchange != nullptr && exchange->key().round <= commit.round) {
        round_.end(out);
    }
    if (auto kept = kept_model(commit)) {
        log_sl(Level::info,
               "Continuing from round " + std::to_string(commit.round) +
                   ", whose model this node has stored",
               out);
        const Segments at_hand = kept->segments;
        name_false_merges(commit.round, at_hand, out);
        resume_from(std::move(*kept), at_hand, out);
        return;
    }
    catch_up_.begin(now_, {run_.contract(), run_.run(), commit.round, commit.attempt}, commit,
                    ml_.layout(), attempt_limit(ml_.request().config, 2), out);
    check_catch_up(out);
}

/// The model of that commit, if this node or an earlier start of it has reported it once.
std::optional<CommittedModel> SlNode::kept_model(const Commit& commit) const {
    const std::size_t segments = ml_.layout()->segment_count();
    const auto fits = [&](const KeptModel& kept) {
        return kept.digest == commit.digest && kept.segments.size() == segments;
    };
    const RoundKey key{run_.contract(), run_.run(), commit.round, commit.attempt};
    if (const auto& reported = round_.reported_model(); reported && fits(*reported)) {
        return CommittedModel{key, commit, reported->segments};
    }
    const auto kept = std::find_if(options_.kept.begin(), options_.kept.end(), fits);
    if (kept != options_.kept.end()) {
        return CommittedModel{key, commit, kept->segments};
    }
    return std::nullopt;
}

/// The newest committed model is here: passed to the ML if it waits, or at its next sync.
///
/// \param at_hand  the model's segments, in memory if they are there: what the ML is sent at once
///     need not be read from the disk.
void SlNode::resume_from(CommittedModel model, const Segments& at_hand, Outbox& out) {
    catch_up_.end();
    round_.on_committed(model);
    run_.on_committed(model.commit.round);
    forget_kept(model.key);
    models_.hold(std::move(model), out);
    if (!ml_.is_waiting()) {
        return;
    }
    if (ml_.check_in().finished && !models_.is_final()) {
        ml_.contribute_finished(at_hand);
        check_in(out);
    } else {
        ml_.complete_sync(models_.model()->commit, at_hand, out);
    }
}

/// Drops models of an earlier start, except for later rounds of this run: the swarm may still agree
/// on those. Their files would else not be written over while this node runs.
void SlNode::forget_kept(const RoundKey& resumed) {
    std::erase_if(options_.kept, [&](const KeptModel& kept) {
        return kept.key.contract != resumed.contract || kept.key.run != resumed.run ||
               kept.key.round <= resumed.round;
    });
}

void SlNode::check_in_again(Outbox& out) {
    if (!catch_up_.running() && ml_.is_waiting() && run_.check_in_is_outdated()) {
        check_in(out);
    }
}

}  // namespace starling
