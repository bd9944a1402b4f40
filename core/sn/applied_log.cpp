#include "core/sn/applied_log.hpp"

namespace starling {

void AppliedLog::append(const LogRecord& record) {
    head_ = chain_link(hasher_, head_, record);
    term_ = record.term;
    links_.push_back(head_);
    checkpoint_due_ = checkpoint_due_ || size() - checkpoint_at_ >= checkpoint_interval_;
}

Checkpoint AppliedLog::take_checkpoint() {
    checkpoint_due_ = false;
    checkpoint_at_ = size();
    return Checkpoint{size(), head_};
}

bool AppliedLog::agrees_with(const Checkpoint& checkpoint) const {
    return checkpoint.index >= 1 && checkpoint.index <= links_.size() &&
           links_[checkpoint.index - 1] == checkpoint.head;
}

}  // namespace starling
