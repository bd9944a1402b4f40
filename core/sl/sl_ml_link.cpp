#include <algorithm>
#include <cmath>

#include "core/sl/sl_state.hpp"

namespace starling {

void SlNode::on_open_session(const NodeId& from, const OpenSession& open,
                             std::vector<Effect>& effects) {
    if (session_) {
        effects.push_back(
            Send{from,
                 {SessionFailed{Errc::refused,
                                "SL '" + options_.id.name + "' serves another ML node already"},
                  {}}});
        return;
    }
    const Result<ParamLayout> layout = ParamLayout::parse(open.layout_text);
    ml_.reset();
    session_ = Session{from, open, nullptr, false, false, 0, std::nullopt};
    if (!layout || layout->size_bytes() != open.config.layout_bytes || layout->size_bytes() == 0) {
        fail({Errc::malformed, layout ? "the ML program's model has no parameters, or its layout "
                                        "does not have the size it says"
                                      : layout.error().message},
             exit_code::failed, effects);
        return;
    }
    session_->layout = std::make_shared<const ParamLayout>(*layout);
    log(Level::info,
        "ML node '" + from.name + "' is connected: " + layout->summary() + "; " +
            to_string(open.config),
        effects);
    // If an earlier start of this node has kept a merge, it resumes that run, or learns how it
    // ended.
    std::optional<Run> back_to;
    if (!options_.kept.empty() && options_.kept.back().key.contract == open.contract) {
        back_to = options_.kept.back().key.run;
    }
    submit(Enrol{open.contract, open.config, open.layout_text, back_to}, effects);
}

void SlNode::on_sync_begin(const SyncBegin& begin, std::vector<Effect>& effects) {
    if (!session_->told || (sync_ && sync_->waiting)) {
        return;  // an ML node of ours waits for its answer first
    }
    Sync sync;
    sync.sequence = begin.sequence;
    sync.check_in = begin.check_in;
    sync.params.resize(segment_count(session_->layout->size_bytes()));
    sync_ = std::move(sync);
    effects.push_back(Report{TraceEvent("sync_receiving").with("round", next_round_)});
}

void SlNode::on_ml_segment(const MlSegment& segment, const Blob& body,
                           std::vector<Effect>& effects) {
    if (!sync_ || sync_->waiting || segment.sequence != sync_->sequence ||
        segment.index >= sync_->params.size() || !sync_->params[segment.index].empty() ||
        body.size() != segment_size(session_->layout->size_bytes(), segment.index)) {
        effects.push_back(Report{TraceEvent("ml_segment_refused").with("index", segment.index)});
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
        resume_from(CommittedModel(*committed_), effects);
    } else if (!catch_up_) {
        report_own_non_finite(effects);
        check_in(effects);
    }
}

void SlNode::check_in(std::vector<Effect>& effects) {
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
    effects.push_back(Report{std::move(event)});
    submit(CheckInRound{session_->open.contract, session_->run, next_round_, sync_->check_in},
           effects);
}

void SlNode::check_in_for_finished(std::vector<Effect>& effects) {
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
    check_in(effects);
}

void SlNode::answer_sync(const Commit& commit, std::vector<Effect>& effects) {
    SyncDone done;
    done.sequence = sync_->sequence;
    done.round = commit.round;
    done.member_count = static_cast<std::uint32_t>(commit.members.size());
    done.digest = commit.digest;
    done.final = commit.final;
    effects.push_back(Send{session_->ml, {done, {}}});
    const Segments& merged = committed_->segments;
    for (std::uint32_t i = 0; i < merged.size(); ++i) {
        effects.push_back(Send{session_->ml, {MlSegment{sync_->sequence, i}, merged[i]}});
    }
    sync_.reset();
    session_->ml_has = commit.round;
}

void SlNode::on_ml_gone_early(const std::string& reason, int code, std::vector<Effect>& effects) {
    const std::string text = "its ML node '" + ml_->name + "' " + reason + " before it had joined";
    ml_.reset();
    fail({Errc::unreachable, text}, code == exit_code::ok ? exit_code::failed : code, effects);
}

void SlNode::on_close_session(const CloseSession& close, std::vector<Effect>& effects) {
    const NodeId ml = session_->ml;
    session_->ml = {};
    if (ending_code_) {
        return;
    }
    const std::string ended = "its ML node '" + ml.name + "' ended: " + close.reason;
    if (close.code == Errc::io && options_.waits_for_disk) {
        // A fault of its host, such as a full disk: it may be restarted, and the swarm waits for
        // it.
        crash({close.code, ended}, exit_code::failed, effects);
        return;
    }
    if (close.code != Errc::ok) {
        fail({close.code, ended}, exit_code_of(close.code), effects);
        return;
    }
    if (some_missed_the_end() && !stop_once_saved_) {
        log(Level::info,
            "ML node '" + ml.name + "' has finished; members that missed the final round may " +
                "fetch its model for " +
                std::to_string(static_cast<int>(to_seconds(options_.linger))) + " s",
            effects);
        finished_at_ = now_;
        effects.push_back(SetTimer{linger_timer, now_ + options_.linger});
        return;
    }
    leave_complete(effects);
}

/// Stays while a member fetches the final model, but no longer than that takes on a slow link: one
/// that asks for ever does not keep this node running.
void SlNode::linger_on(std::vector<Effect>& effects) {
    constexpr double slowest_bytes_per_second = 1000;
    const SwarmTime last = finished_at_ + options_.linger +
                           from_seconds(static_cast<double>(session_->layout->size_bytes()) /
                                        slowest_bytes_per_second);
    const SwarmTime until = std::min(fetched_at_ + options_.linger, last);
    if (until > now_) {
        effects.push_back(SetTimer{linger_timer, until});
    } else {
        leave_complete(effects);
    }
}

void SlNode::leave_complete(std::vector<Effect>& effects) {
    log(Level::info, "Exiting SL. Reason: training is complete", effects);
    leave(exit_code::ok, "training is complete", effects);
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
