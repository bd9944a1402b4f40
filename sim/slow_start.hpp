#pragma once

#include <cstdint>

#include "core/base/time.hpp"

namespace starling {

/// The congestion window of one direction of a TCP connection. A connection that is new or was idle
/// for a second sends ten segments, waits a round trip, sends twenty, and so on, until the window
/// reaches the bandwidth-delay product. Measured against Linux TCP (cubic): 1 to 7 % below the real
/// time.
class SlowStart {
public:
    struct Cost {
        std::uint64_t sent_bytes = 0;  ///< sent during the wait
        SwarmDuration wait{0};         ///< before the rest flows without pauses
    };
    /// Cost of sending `bytes` now, in addition to their flow over the links.
    Cost charge(SwarmTime now, std::uint64_t bytes, SwarmDuration round_trip,
                double bytes_per_second);
    /// To be called once it is known when the last byte leaves, before the next charge().
    void idle_from(SwarmTime at) { idle_since_ = at; }
    /// When the last byte of what was sent before has left, or leaves.
    SwarmTime idle_since() const { return idle_since_; }
    /// Whether the next charge() begins with a new window.
    bool is_reset(SwarmTime now) const;

private:
    std::uint32_t window_ = 0;  ///< bytes; 0: nothing was sent yet
    std::uint32_t left_ = 0;    ///< of the window, in this round trip
    SwarmTime window_began_{};
    SwarmTime idle_since_{};
};

}  // namespace starling
