// What follows from the SN's views of the contract: the run ends, a round is frozen or committed.
#include <algorithm>

#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {

/// From an SN that this node used before: it sends views while its connection lasts.
void SlNode::note_later_view(const NodeId& from, const ContractView& view) {
    if (run_.is_news(view)) {
        sn_.on_later_view_elsewhere(now_, from);
    }
}

void SlNode::on_view_update(const ViewUpdate& update, Outbox& out) {
    if (ending_code_ || !run_.is_in(update.view.name, update.view.run)) {
        return;
    }
    if (!run_.is_news(update.view)) {
        if (run_.is_like(update.view)) {
            sn_.on_same_view(now_, update.view.version);
            return;
        }
        if (!sn_.contradicts_newest_view(now_, out)) {
            return;
        }
        give_up_newest_view(update.view, out);
    }
    const bool known = lists_.awaits(update.view.version);
    if (const auto view = lists_.take(*sn_.sn(), update, out)) {
        on_view(*view, out);
    } else if (!known) {
        sn_.on_view(now_);
    }
}

/// The newest view came from another SN, and the SNs asked since then contradict it.
void SlNode::give_up_newest_view(const ContractView& earlier, Outbox& out) {
    log_sl(Level::warning,
           "Another SN reported round " + std::to_string(run_.view()->round) + " (version " +
               std::to_string(run_.view()->version) + "), but SN '" + sn_.sn()->name +
               "' still reports round " + std::to_string(earlier.round) + " (version " +
               std::to_string(earlier.version) + "): using the latter",
           out);
    sn_.suspect_newest_view(now_);
    run_.forget_view();
    round_.end(out);
}

/// A later view never has an earlier commit.
void SlNode::drop_made_up_commits(Outbox& out) {
    const std::optional<Commit>& newest = run_.view()->last_commit;
    if (catch_up_.running() && (!newest || newest->round < catch_up_.commit().round)) {
        log_sl(Level::warning,
               "Round " + std::to_string(catch_up_.commit().round) +
                   " was not committed, though an SN reported that it was: its model is not "
                   "fetched",
               out);
        catch_up_.end();
        run_.on_check_in_missed();  // if the program has synced meanwhile
    }
    if (run_.go_back()) {
        log_sl(Level::warning,
               "This node went on from a round that was not committed, though an SN reported that "
               "it was: going back to round " +
                   std::to_string(run_.next_round()),
               out);
        round_.end(out);
    }
}

/// All members have finished in the round of a final commit, and none of them was absent: it is not
/// so if this node is a member that has not. It may have been lost.
bool SlNode::ends_early(const ContractView& view) const {
    const bool finished = ml_.is_waiting() && ml_.check_in().finished;
    const bool known = models_.is_final() || (catch_up_.running() && catch_up_.commit().final);
    return view.last_commit && view.last_commit->final && !finished && !known;
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
    sn_.on_invalid(now_, out);
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
    if (view.phase == ContractPhase::aborted) {
        end_with_run("the swarm has ended: " + view.reason, out);
        return;
    }
    if (ends_early(view) &&
        !sn_.is_confirmed(now_, EndClaim::complete, "says: the training is complete", out)) {
        return;
    }
    run_.take(view);
    sn_.on_view(now_, view.version);
    drop_made_up_commits(out);
    if (ml_.is_waiting() && run_.is_left_out(options_.id, options_.session)) {
        sn_.on_left_out(now_, out);
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
    // Once another member has checked in, the members of the round before are not frozen alone.
    if (!view.holders.empty() || !round_.awaits_freeze(run_.key())) {
        end_delays(out);
    }
    check_in_again(out);
    run_.report_waiting(ml_.is_waiting(), out);
}

void SlNode::end_with_run(const std::string& reason, Outbox& out) {
    if (sn_.is_confirmed(now_, EndClaim::run_over, "says: " + reason, out)) {
        run_.on_ended();
        fail({Errc::aborted, reason}, exit_code::aborted, out);
    }
}

void SlNode::on_commit(const Commit& commit, Outbox& out) {
    const std::optional<Digest> merged = round_.merged_digest(commit);
    if (merged && !round_.running()->frozen()) {
        round_.freeze_committed(now_, commit, out);
        run_.on_committed_at_once();
    }
    if (merged == commit.digest) {
        sn_.on_taken_part(round_.proved_round());
        const Segments at_hand = round_.merged();
        const bool takes_turns = round_.running()->plan().kind == ExchangePlan::star;
        resume_from(round_.finish(commit, out), at_hand, out);
        if (takes_turns && !commit.final) {
            peers_.dial_ahead(commit.members, out);
        }
        return;
    }
    if (merged) {
        catch_up_.note_deviation(round_.deviation(commit));
        report_deviation(commit.round, *merged, commit.digest, out);
        sn_.on_merge_differs(now_, out);
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
    if (ml_.is_waiting() && holds_model_of(commit)) {
        // An SN has misled this node to an earlier round. The program has trained from that model,
        // and what it contributes is still for the round after it.
        catch_up_.end();
        run_.on_committed(commit.round);
        check_in(out);  // the one before may have been refused, as for another round
        return;
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
    catch_up_.begin(now_, run_.key_of(commit), commit, ml_.layout(),
                    attempt_limit(ml_.request().config, 2), out);
    check_catch_up(out);
}

bool SlNode::holds_model_of(const Commit& commit) const {
    const CommittedModel* const held = models_.model();
    return held != nullptr && held->key == run_.key_of(commit) &&
           held->commit.digest == commit.digest;
}

/// The model of that commit, if this node holds it, or it or an earlier start of it has reported
/// it once.
std::optional<CommittedModel> SlNode::kept_model(const Commit& commit) const {
    if (holds_model_of(commit)) {
        return *models_.model();
    }
    const std::size_t segments = ml_.layout()->segment_count();
    const RoundKey key = run_.key_of(commit);
    // An SN that lies could name it as the model of a round that never was.
    const auto fits = [&](const KeptModel& kept) {
        return same_round(kept.key, key) && kept.digest == commit.digest &&
               kept.segments.size() == segments;
    };
    if (const auto& reported = round_.reported_model(); reported && fits(*reported)) {
        return CommittedModel{key, commit, reported->segments};
    }
    const auto kept = std::find_if(options_.kept->begin(), options_.kept->end(), fits);
    if (kept != options_.kept->end()) {
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
    options_.kept.erase_if([&](const KeptModel& kept) {
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
