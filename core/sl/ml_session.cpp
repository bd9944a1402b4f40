#include "core/sl/ml_session.hpp"

#include "core/merge/finite.hpp"
#include "core/sl/non_finite.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {
namespace {

/// Rounds that wait for their commit once a program has trained from a model that was not
/// committed. So members that come and go on purpose cost the others one of so many rounds of
/// training.
constexpr Round rounds_after_replaced = 100;

}  // namespace

void MlSession::on_up(const NodeId& ml) {
    connected_.insert(ml);
    if (!session_) {
        early_ = ml;
    }
}

void MlSession::refuse(const NodeId& ml, const NodeId& sl, Outbox& out) {
    out.send(ml,
             SessionFailed{Errc::refused, "SL '" + sl.name + "' already serves another ML node"});
}

Result<void> MlSession::open(const NodeId& ml, const OpenSession& open, SharedRounds& shared,
                             Outbox& out) {
    const Result<std::shared_ptr<const ParamLayout>> parsed = shared.layout(open.layout_text);
    early_.reset();
    session_ = std::make_unique<Session>(Session{.ml = ml,
                                                 .open = nullptr,
                                                 .layout = nullptr,
                                                 .joined = false,
                                                 .delivered_round = {},
                                                 .uncommitted_from = 0});
    OpenSession request = open;
    if (parsed && (*parsed)->text() == open.layout_text) {
        request.layout_text.clear();  // see layout_text()
    }
    session_->open = shared.copy_of(request);
    if (!parsed) {
        return Error{Errc::malformed, parsed.error().message};
    }
    const std::shared_ptr<const ParamLayout>& layout = *parsed;
    if (layout->size_bytes() != open.config.layout_bytes || layout->size_bytes() == 0) {
        return Error{Errc::malformed,
                     "the ML program's model has no parameters, or its layout does not have the "
                     "size it says"};
    }
    if (row_of(open.config.merge) == nullptr) {
        return Error{Errc::refused,
                     "this SL has no merge rule '" + open.config.merge.name +
                         "', which is the ML program's own: start an SL that was built with it "
                         "(add_swarm_learning in deploy/cmake/StarlingTargets.cmake)"};
    }
    session_->layout = layout;
    log_sl(Level::info,
           "ML node '" + ml.name + "' is connected: " + layout->summary() + "; " +
               to_string(open.config),
           out);
    return {};
}

void MlSession::on_joined(Run run, Round round, Outbox& out) {
    session_->joined = true;
    out.report(TraceEvent("session_opened")
                   .with("contract", session_->open->contract)
                   .with("run", run)
                   .with("bytes", session_->layout->size_bytes()));
    out.send(session_->ml, SessionOpened{run, round, session_->open->config.min_peers});
}

NodeId MlSession::release_ml() {
    if (session_) {
        return std::exchange(session_->ml, NodeId{});
    }
    NodeId ml = early_ ? *early_ : NodeId{};
    early_.reset();
    return ml;
}

void MlSession::send_failure(const Error& error, Outbox& out) const {
    if (session_ && !session_->ml.name.empty()) {
        out.send(session_->ml, SessionFailed{error.code, error.message});
    }
}

void MlSession::on_sync_begin(const SyncBegin& begin, Round round, Outbox& out) {
    if (!session_->joined || is_waiting()) {
        return;  // a correct ML node waits until its last sync is complete
    }
    Sync sync;
    sync.sequence = begin.sequence;
    sync.check_in = begin.check_in;
    sync.stores_state = begin.stores_state;
    sync.until_merge = begin.until_merge;
    sync.params.resize(session_->layout->segment_count());
    sync_ = std::make_unique<Sync>(std::move(sync));
    out.report(TraceEvent("sync_receiving").with("round", round));
}

bool MlSession::on_segment(const MlSegment& segment, const Blob& body, SharedRounds& shared,
                           Outbox& out) {
    if (!sync_ || sync_->waiting || segment.sequence != sync_->sequence ||
        segment.index >= sync_->params.size() || !sync_->params[segment.index].empty() ||
        body.size() != session_->layout->segment_size(segment.index) ||
        (!body.is_phantom() && session_->layout->segment_bytes() != segment_bytes)) {
        out.report(TraceEvent("ml_segment_refused").with("index", segment.index));
        return false;
    }
    sync_->params.set(segment.index, body);
    find_non_finite(segment.index);
    ++sync_->present;
    sync_->waiting = sync_->present == sync_->params.size();
    if (sync_->waiting) {
        sync_->params = shared.copy_of(sync_->params);
    }
    return sync_->waiting;
}

void MlSession::on_state_stored(const StateStored& stored) {
    if (sync_ && sync_->sequence == stored.sequence) {
        sync_->stores_state = false;
    }
}

/// On arrival, while the segment is in the processor's cache.
void MlSession::find_non_finite(std::uint32_t segment) {
    auto& found = sync_->non_finite;
    if (session_->open->config.non_finite == NonFinitePolicy::allow ||
        (found && found->segment < segment)) {
        return;
    }
    if (auto tensor = first_non_finite_tensor(*session_->layout, segment, sync_->params[segment])) {
        found = std::make_unique<NonFiniteTensor>(NonFiniteTensor{segment, std::move(*tensor)});
    }
}

void MlSession::check_finite(Round round, Outbox& out) {
    sync_->check_in.non_finite = sync_->non_finite != nullptr;
    if (sync_->non_finite) {
        report_own_non_finite(round, sync_->non_finite->tensor, session_->open->config.non_finite,
                              out);
    }
}

void MlSession::contribute_finished(const Segments& merged) {
    CheckIn& check_in = sync_->check_in;
    check_in.fresh = false;
    check_in.samples = 0;
    check_in.scalars.clear();
    switch (session_->open->end_mode) {
        case EndMode::snapshot:
            break;
        case EndMode::active:
            sync_->params = merged;
            check_in.non_finite = false;
            break;
        case EndMode::inactive:
            check_in.weight = 0;
            break;
    }
}

void MlSession::give_uncommitted(SyncDone merged, const Segments& model, Outbox& out) {
    merged.committed = false;
    sync_->given = std::make_unique<SyncDone>(merged);
    send_model(merged, model, out);
}

void MlSession::complete_sync(const Commit& commit, const Segments& model, Outbox& out) {
    const SyncDone* const given = sync_->given.get();
    const bool has_it = given != nullptr && given->round == commit.round &&
                        given->digest == commit.digest && !commit.final;
    if (has_it) {
        out.send(session_->ml, SyncCommitted{sync_->sequence});
    } else {
        if (given != nullptr) {
            session_->uncommitted_from = commit.round + rounds_after_replaced;
        }
        send_model({.sequence = 0,
                    .round = commit.round,
                    .member_count = static_cast<std::uint32_t>(commit.members.size()),
                    .digest = commit.digest,
                    .final = commit.final,
                    .committed = true},
                   model, out);
    }
    sync_.reset();
    session_->delivered_round = commit.round;
}

void MlSession::send_model(SyncDone done, const Segments& model, Outbox& out) const {
    done.sequence = sync_->sequence;
    out.send(session_->ml, done);
    for (std::uint32_t i = 0; i < model.size(); ++i) {
        out.send(session_->ml, MlSegment{done.sequence, i}, model[i]);
    }
}

}  // namespace starling
