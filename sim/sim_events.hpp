#pragma once

#include <cstdint>

#include "core/base/time.hpp"
#include "sim/event_queue.hpp"
#include "sim/run_meter.hpp"

namespace simgrid::kernel::timer {
class Timer;
}  // namespace simgrid::kernel::timer

namespace starling {

/// The pending events of a simulation, behind one kernel timer of SimGrid.
class SimEvents {
public:
    SimEvents() = default;
    SimEvents(const SimEvents&) = delete;
    SimEvents& operator=(const SimEvents&) = delete;

    /// SimGrid's clock.
    static SwarmTime now();
    /// Calls `what` at that time, or now if it has passed.
    void add(SwarmTime time, SimCallback&& what);
    /// Drops all pending and future events.
    void stop();
    std::size_t pending() const { return queue_.size(); }

    /// Counts progress in `meter`, which must outlive this; before the call, in a meter of its own.
    void set_meter(RunMeter& meter) { meter_ = &meter; }
    RunMeter& meter() const { return *meter_; }

private:
    void arm();
    void fire();
    void count_instant(SwarmTime due);

    EventQueue queue_;
    simgrid::kernel::timer::Timer* armed_ = nullptr;  ///< the kernel timer; owned by SimGrid
    SwarmTime armed_at_{};
    bool firing_ = false;  ///< events run; the timer is set after them
    bool stopped_ = false;
    RunMeter own_meter_;
    RunMeter* meter_ = &own_meter_;
    std::uint64_t count_ = 0;      ///< of all events
    std::uint64_t count_now_ = 0;  ///< of events at `instant_`
    SwarmTime instant_{-SwarmDuration{1}};
};

}  // namespace starling
