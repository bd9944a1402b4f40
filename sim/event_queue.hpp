#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/time.hpp"

namespace starling {

/// A priority queue of callbacks by simulated time. Callbacks at the same time keep the order of
/// add(), which makes runs deterministic.
class EventQueue {
public:
    void add(SwarmTime time, std::function<void()> what) {
        if (unused_.empty()) {
            unused_.push_back(static_cast<std::uint32_t>(callbacks_.size()));
            callbacks_.emplace_back();
        }
        const std::uint32_t place = unused_.back();
        unused_.pop_back();
        callbacks_[place] = std::move(what);
        heap_.push_back({time, next_++, place});
        std::push_heap(heap_.begin(), heap_.end(), Later{});
    }
    bool empty() const { return heap_.empty(); }
    std::size_t size() const { return heap_.size(); }
    void clear() {
        heap_.clear();
        callbacks_.clear();
        unused_.clear();
    }
    /// \pre  not empty
    SwarmTime next_time() const { return heap_.front().time; }
    /// \pre  not empty
    std::function<void()> take() {
        const std::uint32_t place = heap_.front().place;
        std::pop_heap(heap_.begin(), heap_.end(), Later{});
        heap_.pop_back();
        unused_.push_back(place);
        return std::exchange(callbacks_[place], nullptr);
    }

private:
    /// Without its callback, since the heap moves each event many times.
    struct Event {
        SwarmTime time;
        std::uint64_t order = 0;
        std::uint32_t place = 0;  ///< in callbacks_
    };
    struct Later {
        bool operator()(const Event& a, const Event& b) const {
            return a.time != b.time ? a.time > b.time : a.order > b.order;
        }
    };

    std::vector<Event> heap_;
    std::deque<std::function<void()>> callbacks_;
    std::vector<std::uint32_t> unused_;  ///< places in callbacks_
    std::uint64_t next_ = 0;
};

}  // namespace starling
