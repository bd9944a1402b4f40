// All events of a simulation behind one kernel timer of SimGrid, set to the earliest: events of one
// time happen in the order in which they were added, whatever SimGrid does with timers of one date,
// and SimGrid has only one timer to keep.
#include "sim/sim_events.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sim/sg_compat.hpp"

namespace starling {
namespace {

using simgrid::kernel::timer::Timer;

/// More events than any swarm has at one instant: a loop without progress in time.
constexpr std::uint64_t events_an_instant_max = 20'000'000;

}  // namespace

SwarmTime SimEvents::now() { return SwarmTime{from_seconds(simgrid::s4u::Engine::get_clock())}; }

void SimEvents::add(SwarmTime time, SimCallback&& what) {
    if (stopped_) {
        return;
    }
    queue_.add(std::max(time, now()), std::move(what));
    arm();
}

void SimEvents::arm() {
    if (firing_ || queue_.empty()) {
        return;
    }
    const SwarmTime next = queue_.next_time();
    if (armed_ != nullptr) {
        if (armed_at_ <= next) {
            return;
        }
        armed_->remove();
    }
    armed_at_ = next;
    // Rounding to a double must not put the date before SimGrid's clock.
    const double date =
        std::max(to_seconds(next.time_since_epoch()), simgrid::s4u::Engine::get_clock());
    armed_ = Timer::set(date, [this] { fire(); });
}

void SimEvents::fire() {
    armed_ = nullptr;  // SimGrid frees it
    firing_ = true;
    const SwarmTime due = std::max(armed_at_, now());
    count_instant(due);
    while (!queue_.empty() && queue_.next_time() <= due) {
        meter_->events.store(++count_, std::memory_order_relaxed);
        if (++count_now_ > events_an_instant_max) {
            throw std::runtime_error("simulated time does not advance: more than " +
                                     std::to_string(events_an_instant_max) +
                                     " events happened at one instant");
        }
        queue_.take()();
    }
    firing_ = false;
    arm();
}

void SimEvents::count_instant(SwarmTime due) {
    if (due != instant_) {
        instant_ = due;
        count_now_ = 0;
        meter_->simulated_ns.store(to_ns(due), std::memory_order_relaxed);
    }
}

void SimEvents::stop() {
    stopped_ = true;
    queue_.clear();
    if (armed_ != nullptr) {
        armed_->remove();
        armed_ = nullptr;
    }
}

}  // namespace starling
