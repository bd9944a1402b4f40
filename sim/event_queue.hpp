#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "core/base/time.hpp"
#include "sim/sim_callback.hpp"

namespace starling {

/// A priority queue of callbacks by simulated time. Callbacks at the same time keep the order of
/// add(), which makes runs deterministic.
///
/// Only events of the current period of 16.8 ms are in a heap; those of later ones wait in one list
/// each. A large swarm has a million pending timers, and a heap of these is in no cache.
class EventQueue {
public:
    void add(SwarmTime time, SimCallback&& what) {
        if (unused_.empty()) {
            unused_.push_back(static_cast<std::uint32_t>(callbacks_.size()));
            callbacks_.emplace_back();
        }
        const std::uint32_t place = unused_.back();
        unused_.pop_back();
        callbacks_[place] = std::move(what);
        const Event event{time, next_++, place};
        const std::int64_t period = period_of(time);
        ++size_;
        if (size_ == 1) {
            period_ = period;
        }
        if (period > period_) {
            later_[period].push_back(event);
            return;
        }
        heap_.push_back(event);
        std::push_heap(heap_.begin(), heap_.end(), Later{});
    }
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    void clear() {
        size_ = 0;
        heap_.clear();
        later_.clear();
        callbacks_.clear();
        unused_.clear();
    }
    /// \pre  not empty
    SwarmTime next_time() const { return heap_.front().time; }
    /// \pre  not empty
    SimCallback take() {
        const std::uint32_t place = heap_.front().place;
        std::pop_heap(heap_.begin(), heap_.end(), Later{});
        heap_.pop_back();
        --size_;
        if (heap_.empty() && !later_.empty()) {
            begin_period();
        }
        unused_.push_back(place);
        prefetch_next();
        return std::move(callbacks_[place]);
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

    static std::int64_t period_of(SwarmTime time) { return to_ns(time) >> 24; }
    /// The next event has been prefetched itself when it was one of the two candidates; while the
    /// one that was taken runs, the processor fetches what it will need. Nearly all of a large
    /// swarm's events concern a node that is in no cache.
    void prefetch_next() const {
        if (heap_.empty()) {
            return;
        }
        callbacks_[heap_.front().place].prefetch_captured();
        for (std::size_t i = 1; i < std::min<std::size_t>(3, heap_.size()); ++i) {
            __builtin_prefetch(&callbacks_[heap_[i].place]);
        }
    }
    void begin_period() {
        auto first = later_.extract(later_.begin());
        period_ = first.key();
        heap_ = std::move(first.mapped());
        std::make_heap(heap_.begin(), heap_.end(), Later{});
    }

    std::vector<Event> heap_;  ///< of periods up to period_; not empty unless the queue is
    std::int64_t period_ = 0;
    std::map<std::int64_t, std::vector<Event>> later_;  ///< by period
    std::size_t size_ = 0;
    std::deque<SimCallback> callbacks_;
    std::vector<std::uint32_t> unused_;  ///< places in callbacks_
    std::uint64_t next_ = 0;
};

}  // namespace starling
