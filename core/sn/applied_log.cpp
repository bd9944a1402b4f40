#include "core/sn/applied_log.hpp"

#include <utility>

namespace starling {

namespace {

/// A checkpoint is of a record that is 128 old, or a little more.
constexpr std::size_t links_max = 65'536;

}  // namespace

void AppliedLog::begin_behind(const Digest& head, TermRuns terms) {
    head_ = head;
    terms_ = std::move(terms);
    links_ = {head_};
    checkpoint_at_ = size();
}

void AppliedLog::append(const LogRecord& record) {
    head_ = chain_link(hasher_, head_, record);
    terms_.append(record.term);
    links_.push_back(head_);
    if (links_.size() > links_max) {
        links_.pop_front();
    }
    checkpoint_due_ = checkpoint_due_ || size() - checkpoint_at_ >= checkpoint_interval_;
}

Checkpoint AppliedLog::take_checkpoint() {
    checkpoint_due_ = false;
    checkpoint_at_ = size();
    return Checkpoint{size(), head_};
}

bool AppliedLog::contradicts(const Checkpoint& checkpoint) const {
    const std::uint64_t before = size() - links_.size();
    if (checkpoint.index == 0 || checkpoint.index > size()) {
        return true;
    }
    return checkpoint.index > before && links_[checkpoint.index - before - 1] != checkpoint.head;
}

}  // namespace starling
