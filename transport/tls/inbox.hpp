#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// What waits for the node, and how many bytes that keeps in memory. One thread, but for post().
class Inbox {
public:
    /// From any thread.
    void post(Input input);
    /// From any thread; waits for take_late().
    void post_late(Input input, SwarmTime until);
    /// Moves what was posted behind what is there.
    void take_posted();
    /// Moves what was posted late behind what is there: all of it, or what has waited long enough.
    void take_late(bool all, SwarmTime now);
    bool late_waits();

    /// \param frame_bytes  of the frame in `input`, 0 without one.
    void push(Input input, std::size_t frame_bytes);
    /// \pre  not empty.
    Input pop();

    bool empty() const { return queue_.empty(); }
    std::size_t size_bytes() const { return size_bytes_; }
    void clear();

private:
    struct Queued {
        Input input;
        std::size_t size_bytes = 0;
    };

    std::deque<Queued> queue_;
    std::size_t size_bytes_ = 0;
    std::mutex posted_mutex_;
    std::vector<Input> posted_;
    std::vector<std::pair<Input, SwarmTime>> late_;  ///< and until when it may wait
};

}  // namespace starling
