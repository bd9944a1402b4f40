#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// The queue of inputs for the node, and its size in memory. Belongs to one thread, except for
/// post() and post_late().
class Inbox {
public:
    /// From any thread.
    void post(Input input);
    /// From any thread; queued by take_late(), at `until` at the latest.
    void post_late(Input input, SwarmTime until);
    /// Appends posted inputs to the queue.
    void take_posted();
    /// Appends inputs of post_late() to the queue: `all`, or those whose `until` has passed.
    void take_late(bool all, SwarmTime now);
    bool has_late();

    /// \param frame_bytes  of the frame in `input`, 0 without one.
    void push(Input input, std::size_t frame_bytes);
    /// \pre  not empty.
    Input pop();

    bool empty() const { return queue_.empty(); }
    std::size_t size_bytes() const { return size_bytes_; }
    /// Whether about a segment was queued since the last pop(). Then nothing more should be copied
    /// out of a program's memory: what is, the node should find in the processor's cache.
    bool is_far_ahead() const { return !queue_.empty() && since_pop_bytes_ >= far_ahead_bytes; }
    void clear();

private:
    static constexpr std::size_t far_ahead_bytes = std::size_t{256} * 1024;

    struct Queued {
        Input input;
        std::size_t size_bytes = 0;
    };

    std::deque<Queued> queue_;
    std::size_t size_bytes_ = 0;
    std::size_t since_pop_bytes_ = 0;  ///< queued since the last pop()
    std::mutex posted_mutex_;
    std::vector<Input> posted_;
    std::vector<std::pair<Input, SwarmTime>> late_;  ///< with their `until`
};

}  // namespace starling
