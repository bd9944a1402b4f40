#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

namespace starling {

/// The clock of the protocol. It has no now(): time is an argument, given by whoever runs the node.
struct SwarmClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<SwarmClock, duration>;
    static constexpr bool is_steady = true;
};

/// Nanoseconds since the start of the simulation, or since the start of the process.
using SwarmTime = SwarmClock::time_point;
using SwarmDuration = SwarmClock::duration;

inline std::int64_t to_ns(SwarmTime time) { return time.time_since_epoch().count(); }
inline SwarmTime from_ns(std::int64_t ns) { return SwarmTime{SwarmDuration{ns}}; }
inline double to_seconds(SwarmDuration duration) {
    return std::chrono::duration<double>(duration).count();
}
/// Rounds to the nearest nanosecond.
inline SwarmDuration from_seconds(double seconds) {
    return SwarmDuration{std::llround(seconds * 1e9)};
}

}  // namespace starling
