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
        const bool is_small = what.bytes() <= SmallSimCallback::room;
        const std::uint32_t place =
            is_small ? small_.put(std::move(what)) : large_.put(std::move(what));
        const Event event{time, next_++, place, is_small};
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
        small_ = {};
        large_ = {};
    }
    /// \pre  not empty
    SwarmTime next_time() const { return heap_.front().time; }
    /// \pre  not empty
    SimCallback take() {
        const Event event = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), Later{});
        heap_.pop_back();
        --size_;
        if (heap_.empty() && !later_.empty()) {
            begin_period();
        }
        prefetch_next();
        return event.is_small ? SimCallback(small_.take(event.place)) : large_.take(event.place);
    }

private:
    /// Callbacks, whose places are used again.
    template <typename Callback>
    class Slots {
    public:
        std::uint32_t put(SimCallback&& what) {
            if (unused_.empty()) {
                unused_.push_back(static_cast<std::uint32_t>(callbacks_.size()));
                callbacks_.emplace_back();
            }
            const std::uint32_t place = unused_.back();
            unused_.pop_back();
            callbacks_[place] = Callback(std::move(what));
            return place;
        }
        Callback take(std::uint32_t place) {
            unused_.push_back(place);
            return std::move(callbacks_[place]);
        }
        const Callback& at(std::uint32_t place) const { return callbacks_[place]; }

    private:
        std::deque<Callback> callbacks_;
        std::vector<std::uint32_t> unused_;  ///< places in callbacks_
    };
    /// Without its callback, since the heap moves each event many times.
    struct Event {
        SwarmTime time;
        std::uint64_t order = 0;
        std::uint32_t place = 0;  ///< of its callback
        bool is_small = false;    ///< its callback
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
        const Event& next = heap_.front();
        if (next.is_small) {
            small_.at(next.place).prefetch_captured();
        } else {
            large_.at(next.place).prefetch_captured();
        }
        for (std::size_t i = 1; i < std::min<std::size_t>(3, heap_.size()); ++i) {
            const Event& other = heap_[i];
            __builtin_prefetch(other.is_small ? static_cast<const void*>(&small_.at(other.place))
                                              : static_cast<const void*>(&large_.at(other.place)));
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
    Slots<SmallSimCallback> small_;
    Slots<SimCallback> large_;
    std::uint64_t next_ = 0;
};

}  // namespace starling
