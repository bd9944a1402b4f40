#include "transport/tls/inbox.hpp"

#include <utility>

namespace starling {
namespace {

/// Memory of an input besides its frame: queue entry, decoded message.
constexpr std::size_t input_overhead_bytes = 256;

}  // namespace

void Inbox::post(Input input) {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(input));
}

void Inbox::take_posted() {
    std::vector<Input> inputs;
    {
        const std::lock_guard lock(posted_mutex_);
        inputs.swap(posted_);
    }
    for (Input& input : inputs) {
        push(std::move(input), 0);
    }
}

void Inbox::post_late(Input input, SwarmTime until) {
    const std::lock_guard lock(posted_mutex_);
    late_.emplace_back(std::move(input), until);
}

bool Inbox::has_late() {
    const std::lock_guard lock(posted_mutex_);
    return !late_.empty();
}

void Inbox::take_late(bool all, SwarmTime now) {
    std::vector<std::pair<Input, SwarmTime>> waiting;
    {
        const std::lock_guard lock(posted_mutex_);
        waiting.swap(late_);
    }
    for (auto& [input, until] : waiting) {
        if (all || until <= now) {
            push(std::move(input), 0);
        } else {
            post_late(std::move(input), until);
        }
    }
}

void Inbox::push(Input input, std::size_t frame_bytes) {
    queue_.push_back({std::move(input), frame_bytes + input_overhead_bytes});
    size_bytes_ += queue_.back().size_bytes;
    since_pop_bytes_ += queue_.back().size_bytes;
}

Input Inbox::pop() {
    STARLING_INVARIANT(!queue_.empty(), "callers check empty() first");
    Queued first = std::move(queue_.front());
    queue_.pop_front();
    size_bytes_ -= first.size_bytes;
    since_pop_bytes_ = 0;
    return std::move(first.input);
}

void Inbox::clear() {
    queue_.clear();
    size_bytes_ = 0;
}

}  // namespace starling
