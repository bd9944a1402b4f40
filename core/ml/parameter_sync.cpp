#include "core/ml/parameter_sync.hpp"

namespace starling {

void ParameterSync::send(const NodeId& sl, SyncRequest request, bool stores_state, Outbox& out) {
    const std::uint64_t sequence = next_sequence_++;
    awaited_ = sequence;
    if (request.until_merge) {
        until_merge_ = std::make_unique<UntilMerge>();
        until_merge_->snapshot = std::move(request.snapshot);
    }
    model_bytes_ = size_bytes(request.params);
    segment_bytes_ = request.params.empty() ? segment_bytes : request.params.front().size();
    out.send(sl, SyncBegin{sequence, request.check_in, stores_state, request.until_merge});
    for (std::uint32_t i = 0; i < request.params.size(); ++i) {
        out.send(sl, MlSegment{sequence, i}, std::move(request.params[i]));
    }
}

void ParameterSync::on_state_stored(const NodeId& sl, Outbox& out) const {
    out.send(sl, StateStored{next_sequence_ - 1});
}

bool ParameterSync::begin_merged(const SyncDone& done) {
    const bool awaits_it = done.committed || (until_merge_ && !until_merge_->given);
    if (awaited_ != done.sequence || incoming_ || !awaits_it) {
        return false;
    }
    incoming_ = std::make_unique<Merged>(
        Merged{done, Segments(segment_count(model_bytes_, segment_bytes_)), 0, false, {}});
    if (until_merge_ && until_merge_->next) {
        until_merge_->next->params = Segments();
        until_merge_->next->snapshot.reset();
    }
    return true;
}

bool ParameterSync::add_merged(const MlSegment& segment, const Blob& body) {
    if (!incoming_ || segment.sequence != incoming_->done.sequence ||
        segment.index >= incoming_->params.size() || !incoming_->params[segment.index].empty() ||
        body.size() != segment_size(model_bytes_, segment.index, segment_bytes_)) {
        return false;
    }
    incoming_->params.set(segment.index, body);
    ++incoming_->present;
    return true;
}

ParameterSync::Merged ParameterSync::take_merged() {
    Merged merged = std::move(*incoming_);
    next_round_ = merged.done.round + 1;
    incoming_.reset();
    if (awaits_commit()) {
        merged.replaced = true;
        merged.snapshot = std::move(until_merge_->snapshot);
    }
    if (merged.done.committed) {
        cancel();
    } else {
        until_merge_->given = merged.done;
    }
    return merged;
}

void ParameterSync::on_taken(const NodeId& sl, Outbox& out) const {
    out.send(sl, ModelTaken{next_sequence_ - 1});
}

void ParameterSync::hold(SyncRequest next) {
    until_merge_->next = std::make_unique<SyncRequest>(std::move(next));
}

bool ParameterSync::on_committed(const SyncCommitted& committed) {
    if (awaited_ != committed.sequence || !awaits_commit() || incoming_) {
        return false;
    }
    until_merge_->committed = true;
    return true;
}

ParameterSync::Committed ParameterSync::end_committed() {
    Committed ended{*until_merge_->given, std::move(until_merge_->next)};
    cancel();
    return ended;
}

void ParameterSync::cancel() {
    awaited_.reset();
    incoming_.reset();
    until_merge_.reset();
}

}  // namespace starling
