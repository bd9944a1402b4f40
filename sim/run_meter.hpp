#pragma once

#include <atomic>
#include <cstdint>

namespace starling {

/// How far a simulation is. Written by it, read by the process that watches it.
struct RunMeter {
    std::atomic<std::int64_t> simulated_ns{0};
    std::atomic<std::uint64_t> events{0};       ///< of the simulator: timers, transfers
    std::atomic<std::uint64_t> bytes_moved{0};  ///< over links
    std::atomic<std::uint64_t> rounds{0};       ///< that a program went on from
};

}  // namespace starling
