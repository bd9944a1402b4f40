#pragma once

#include <cstdint>

#include "core/base/time.hpp"

namespace starling {

/// The growing window of one direction of a TCP connection. A connection that is new or was idle
/// for a second sends ten segments, waits a round trip, sends twenty, and so on, until a round
/// trip's worth of bytes is on the way. Measured against Linux TCP (cubic): 1 to 7 % below the real
/// time.
class SlowStart {
public:
    struct Cost {
        std::uint64_t sent_bytes = 0;  ///< sent within the waiting time
        SwarmDuration wait{0};         ///< before the rest flows without stops
    };
    /// What sending `bytes` now costs beyond the flow over the links.
    Cost charge(SwarmTime now, std::uint64_t bytes, SwarmDuration round_trip,
                double bytes_per_second);
    /// The last byte has left at `now`.
    void idle_from(SwarmTime now) { idle_since_ = now; }

private:
    std::uint64_t window_ = 0;
    std::uint64_t left_ = 0;  ///< of the window, this round trip
    SwarmTime window_began_{};
    SwarmTime idle_since_{};
};

}  // namespace starling
