#include "core/ml/parameter_sync.hpp"

namespace starling {

void ParameterSync::send(const NodeId& sl, SyncRequest request, bool stores_state, Outbox& out) {
    const std::uint64_t sequence = next_sequence_++;
    awaited_ = sequence;
    until_merge_ = request.until_merge;
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

void ParameterSync::on_taken(const NodeId& sl, Outbox& out) const {
    out.send(sl, ModelTaken{next_sequence_ - 1});
}

bool ParameterSync::begin_merged(const SyncDone& done) {
    const bool awaits_it = done.committed || (until_merge_ && !uncommitted_);
    if (awaited_ != done.sequence || incoming_ || !awaits_it) {
        return false;
    }
    incoming_ = std::make_unique<Merged>(
        Merged{done, Segments(segment_count(model_bytes_, segment_bytes_)), 0});
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

bool ParameterSync::on_committed(const SyncCommitted& committed) {
    if (awaited_ != committed.sequence || !uncommitted_ || incoming_) {
        return false;
    }
    committed_ = true;
    return true;
}

SyncDone ParameterSync::end_committed() {
    const SyncDone done = *uncommitted_;
    cancel();
    return done;
}

ParameterSync::Merged ParameterSync::take_merged() {
    Merged merged = std::move(*incoming_);
    next_round_ = merged.done.round + 1;
    incoming_.reset();
    if (merged.done.committed) {
        cancel();
    } else {
        uncommitted_ = std::make_unique<SyncDone>(merged.done);
    }
    return merged;
}

void ParameterSync::cancel() {
    awaited_.reset();
    incoming_.reset();
    uncommitted_.reset();
    committed_ = false;
}

}  // namespace starling
