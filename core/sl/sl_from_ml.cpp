// What follows from what the ML node says: it opens a session, syncs, and ends.
#include <algorithm>
#include <cmath>

#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {

void SlNode::on_open_session(const NodeId& from, const OpenSession& open, Outbox& out) {
    if (ml_.is_open()) {
        MlSession::refuse(from, options_.id, out);
        return;
    }
    if (const Result<void> opened = ml_.open(from, open, *options_.shared, out); !opened) {
        fail(opened.error(), exit_code::failed, out);
        return;
    }
    run_.set_contract(open.contract);
    // If an earlier start of this node has kept a merge, it resumes that run, or learns how it
    // ended.
    std::optional<Run> back_to;
    if (!options_.kept->empty() && options_.kept->back().key.contract == open.contract) {
        back_to = options_.kept->back().key.run;
    }
    submit(Enrol{open.contract, open.config, open.layout_text, back_to, options_.site}, out);
}

void SlNode::on_ml_segment(const MlSegment& segment, const Blob& body, Outbox& out) {
    if (!ml_.on_segment(segment, body, *options_.shared, out)) {
        return;
    }
    if (models_.model() && ml_.lacks(*models_.model())) {
        // A newer model was committed meanwhile: the ML resumes from that one.
        const CommittedModel model = *models_.model();
        resume_from(model, model.segments, out);
    } else if (!catch_up_.running()) {
        ml_.check_finite(run_.next_round(), out);
        check_in(out);
    }
}

void SlNode::check_in(Outbox& out) {
    run_.on_check_in(now_);
    const CheckIn& said = ml_.check_in();
    TraceEvent event = TraceEvent("check_in")
                           .with("round", run_.next_round())
                           .with("samples", said.samples)
                           .with("weight", said.weight)
                           .with("finished", said.finished ? 1U : 0U)
                           .with("epochs", said.epochs_done)
                           .with("epochs_total", said.epochs_total);
    if (const double millionths = said.loss * 1e6; millionths >= 0.0 && millionths < 1e15) {
        event = std::move(event).with("loss_millionths",
                                      static_cast<std::uint64_t>(std::llround(millionths)));
    }
    out.report(std::move(event));
    for (const auto& [name, value] : *said.scalars) {
        out.report(scalar_event(run_.next_round(), name, value));
    }
    ml_.take_delayed_check_in();  // of an attempt before
    if (!delaying_pays()) {
        submit_check_in({}, out);
        begin_early(out);
        return;
    }
    begin_early(out);
    if (may_delay_check_in()) {
        ml_.delay_check_in();
        run_.on_check_in_delayed();
        set_delay_timer(out);
        send_results(out);
    } else {
        submit_check_in({}, out);
    }
}

/// Whether a check-in that says what this node has merged saves time. Not where the round need not
/// wait for this node's disk.
bool SlNode::delaying_pays() const {
    const bool disk_counts = ml_.request().config.durable != Durability::quorum;
    return ml_.takes_uncommitted(run_.next_round()) ||
           (disk_counts && run_.expects_commit_at_once());
}

/// While the exchange that has begun early takes all that the program waits for.
bool SlNode::may_delay_check_in() const {
    if (!run_.view() || !round_.awaits_freeze(run_.key())) {
        return false;
    }
    const Exchange& exchange = *round_.running();
    return std::ranges::all_of(exchange.partners(), [&](std::uint32_t partner) {
        return peers_.is_up(exchange.members()[partner].id);
    });
}

/// Others may be frozen without this member once the contract's grace period is over.
void SlNode::set_delay_timer(Outbox& out) const {
    const SwarmDuration grace(ml_.request().config.grace_ns);
    const SwarmDuration limit = grace > SwarmDuration{0} ? grace / 4 : options_.heartbeat_interval;
    const SwarmDuration most = std::min(limit, options_.heartbeat_interval);
    out.set_timer(delay_timer, now_ + run_.longest_delay(most));
}

void SlNode::submit_check_in(std::optional<EarlyMerge> merged, Outbox& out) {
    if (merged) {
        merged->base = run_.view()->last_commit->digest;
    }
    submit(CheckInRound{run_.contract(), run_.run(), run_.next_round(), ml_.check_in(), merged},
           out);
}

/// A program that does not wait for the commit has its model. Before, the disk would take the
/// processor from the exchange.
void SlNode::on_model_taken(Outbox& out) {
    if (ml_.request().config.durable == Durability::quorum) {
        end_delays(out);  // the round need not wait for this node's disk
        return;
    }
    round_.store_merged(out);
    send_results(out);
}

/// Delays nothing any longer: the attempt is over, or takes too long. Nothing, if nothing was
/// delayed.
void SlNode::end_delays(Outbox& out) {
    if (ml_.take_delayed_check_in()) {
        submit_check_in({}, out);
    }
    round_.store_merged(out);
    send_results(out);
}

void SlNode::on_close_session(const CloseSession& close, Outbox& out) {
    const NodeId ml = ml_.release_ml();
    if (ending_code_) {
        return;
    }
    const std::string ended = "its ML node '" + ml.name + "' ended: " + close.reason;
    if (close.code == Errc::io && !options_.planted.full_disk_is_goodbye) {
        // A fault of its host, such as a full disk: it may be restarted, and the swarm waits for
        // it.
        crash({close.code, ended}, exit_code::failed, out);
        return;
    }
    if (close.code != Errc::ok) {
        fail({close.code, ended}, exit_code_of(close.code), out);
        return;
    }
    const bool some_missed_the_end =
        models_.is_final() && run_.someone_is_not_in(models_.model()->commit.members);
    if (some_missed_the_end && !stop_once_saved_) {
        log_sl(Level::info,
               "ML node '" + ml.name + "' has finished; members that missed the final round may " +
                   "fetch its model for " +
                   std::to_string(static_cast<int>(to_seconds(options_.linger))) + " s",
               out);
        models_.begin_linger(now_, out);
        return;
    }
    leave_complete(out);
}

void SlNode::on_ml_gone_early(const std::string& reason, int code, Outbox& out) {
    const NodeId ml = ml_.release_ml();
    fail({Errc::unreachable, "its ML node '" + ml.name + "' " + reason + " before it joined"},
         code == exit_code::ok ? exit_code::failed : code, out);
}

void SlNode::linger_on(Outbox& out) {
    if (!models_.lingers_on(now_, ml_.layout()->size_bytes(), out)) {
        leave_complete(out);
    }
}

void SlNode::leave_complete(Outbox& out) {
    log_sl(Level::info, "Exiting SL. Reason: training is complete", out);
    leave(exit_code::ok, "training is complete", out);
}

}  // namespace starling
