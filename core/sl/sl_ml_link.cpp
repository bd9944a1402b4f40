#include <algorithm>
#include <cmath>

#include "core/sl/sl_state.hpp"

namespace starling {

void SlNode::on_open_session(const NodeId& from, const OpenSession& open, Outbox& out) {
    if (session_) {
        out.send(from, SessionFailed{Errc::refused, "SL '" + options_.id.name +
                                                        "' serves another ML node already"});
        return;
    }
    const Result<ParamLayout> layout = ParamLayout::parse(open.layout_text);
    ml_.reset();
    session_ = Session{from, open, nullptr, false, false, 0, std::nullopt};
    if (!layout || layout->size_bytes() != open.config.layout_bytes || layout->size_bytes() == 0) {
        fail({Errc::malformed, layout ? "the ML program's model has no parameters, or its layout "
                                        "does not have the size it says"
                                      : layout.error().message},
             exit_code::failed, out);
        return;
    }
    session_->layout = std::make_shared<const ParamLayout>(*layout);
    log_sl(Level::info,
           "ML node '" + from.name + "' is connected: " + layout->summary() + "; " +
               to_string(open.config),
           out);
    // If an earlier start of this node has kept a merge, it resumes that run, or learns how it
    // ended.
    std::optional<Run> back_to;
    if (!options_.kept.empty() && options_.kept.back().key.contract == open.contract) {
        back_to = options_.kept.back().key.run;
    }
    submit(Enrol{open.contract, open.config, open.layout_text, back_to}, out);
}

void SlNode::on_sync_begin(const SyncBegin& begin, Outbox& out) {
    if (!session_->told || (sync_ && sync_->waiting)) {
        return;  // an ML node of ours waits for its answer first
    }
    Sync sync;
    sync.sequence = begin.sequence;
    sync.check_in = begin.check_in;
    sync.params.resize(segment_count(session_->layout->size_bytes()));
    sync_ = std::move(sync);
    out.report(TraceEvent("sync_receiving").with("round", next_round_));
}

void SlNode::on_ml_segment(const MlSegment& segment, const Blob& body, Outbox& out) {
    if (!sync_ || sync_->waiting || segment.sequence != sync_->sequence ||
        segment.index >= sync_->params.size() || !sync_->params[segment.index].empty() ||
        body.size() != segment_size(session_->layout->size_bytes(), segment.index)) {
        out.report(TraceEvent("ml_segment_refused").with("index", segment.index));
        return;
    }
    sync_->params[segment.index] = body;
    check_own_segment(segment.index);
    if (++sync_->present < sync_->params.size()) {
        return;
    }
    sync_->waiting = true;
    if (committed_ && session_->ml_has != committed_->commit.round) {
        // A newer model was committed meanwhile: the ML resumes from that one.
        resume_from(CommittedModel(*committed_), out);
    } else if (!catch_up_) {
        report_own_non_finite(out);
        check_in(out);
    }
}

void SlNode::check_in(Outbox& out) {
    check_in_refused_ = false;
    checked_in_at_ = now_;
    check_in_attempt_ = view_ && view_->round == next_round_ ? view_->attempt : 0;
    const CheckIn& said = sync_->check_in;
    TraceEvent event = TraceEvent("check_in")
                           .with("round", next_round_)
                           .with("samples", said.samples)
                           .with("weight", said.weight)
                           .with("finished", said.finished ? 1U : 0U)
                           .with("epochs", said.epochs_done);
    if (const double millionths = said.loss * 1e6; millionths >= 0.0 && millionths < 1e15) {
        event = std::move(event).with("loss_millionths",
                                      static_cast<std::uint64_t>(std::llround(millionths)));
    }
    out.report(std::move(event));
    submit(CheckInRound{session_->open.contract, session_->run, next_round_, sync_->check_in}, out);
}

void SlNode::check_in_for_finished(Outbox& out) {
    CheckIn& check_in_again = sync_->check_in;
    check_in_again.fresh = false;
    check_in_again.samples = 0;
    switch (session_->open.end_mode) {
        case EndMode::snapshot:
            break;
        case EndMode::active:
            sync_->params = committed_->segments;
            check_in_again.non_finite = false;
            break;
        case EndMode::inactive:
            check_in_again.weight = 0;
            break;
    }
    check_in(out);
}

void SlNode::answer_sync(const Commit& commit, Outbox& out) {
    SyncDone done;
    done.sequence = sync_->sequence;
    done.round = commit.round;
    done.member_count = static_cast<std::uint32_t>(commit.members.size());
    done.digest = commit.digest;
    done.final = commit.final;
    out.send(session_->ml, done);
    const Segments& merged = committed_->segments;
    for (std::uint32_t i = 0; i < merged.size(); ++i) {
        out.send(session_->ml, MlSegment{sync_->sequence, i}, merged[i]);
    }
    sync_.reset();
    session_->ml_has = commit.round;
}

void SlNode::on_ml_gone_early(const std::string& reason, int code, Outbox& out) {
    const std::string text = "its ML node '" + ml_->name + "' " + reason + " before it had joined";
    ml_.reset();
    fail({Errc::unreachable, text}, code == exit_code::ok ? exit_code::failed : code, out);
}

void SlNode::on_close_session(const CloseSession& close, Outbox& out) {
    const NodeId ml = session_->ml;
    session_->ml = {};
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
    if (some_missed_the_end() && !stop_once_saved_) {
        log_sl(Level::info,
               "ML node '" + ml.name + "' has finished; members that missed the final round may " +
                   "fetch its model for " +
                   std::to_string(static_cast<int>(to_seconds(options_.linger))) + " s",
               out);
        finished_at_ = now_;
        out.set_timer(linger_timer, now_ + options_.linger);
        return;
    }
    leave_complete(out);
}

/// Stays while a member fetches the final model, but no longer than that takes on a slow link: one
/// that asks for ever does not keep this node running.
void SlNode::linger_on(Outbox& out) {
    constexpr double slowest_bytes_per_second = 1000;
    const SwarmTime last = finished_at_ + options_.linger +
                           from_seconds(static_cast<double>(session_->layout->size_bytes()) /
                                        slowest_bytes_per_second);
    const SwarmTime until = std::min(fetched_at_ + options_.linger, last);
    if (until > now_) {
        out.set_timer(linger_timer, until);
    } else {
        leave_complete(out);
    }
}

void SlNode::leave_complete(Outbox& out) {
    log_sl(Level::info, "Exiting SL. Reason: training is complete", out);
    leave(exit_code::ok, "training is complete", out);
}

bool SlNode::some_missed_the_end() const {
    if (!committed_ || !committed_->commit.final) {
        return false;
    }
    const std::vector<RoundMember>& members = committed_->commit.members;
    return std::any_of(members_seen_.begin(), members_seen_.end(), [&](const NodeId& seen) {
        return std::none_of(members.begin(), members.end(),
                            [&](const RoundMember& member) { return member.id == seen; });
    });
}

}  // namespace starling
