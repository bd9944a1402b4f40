#pragma once

#include <algorithm>
#include <cstdint>
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
        heap_.push_back({time, next_++, std::move(what)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    bool empty() const { return heap_.empty(); }
    std::size_t size() const { return heap_.size(); }
    void clear() { heap_.clear(); }
    /// \pre  not empty
    SwarmTime next_time() const { return heap_.front().time; }
    /// \pre  not empty
    std::function<void()> take() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        std::function<void()> what = std::move(heap_.back().what);
        heap_.pop_back();
        return what;
    }

private:
    struct Event {
        SwarmTime time;
        std::uint64_t order = 0;
        std::function<void()> what;
    };
    static bool later(const Event& a, const Event& b) {
        return a.time != b.time ? a.time > b.time : a.order > b.order;
    }

    std::vector<Event> heap_;
    std::uint64_t next_ = 0;
};

}  // namespace starling
