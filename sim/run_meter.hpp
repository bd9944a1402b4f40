#pragma once

#include <atomic>
#include <cstdint>

namespace starling {

/// Progress of a simulation. Written by it, read by its parent process.
struct RunMeter {
    std::atomic<std::int64_t> simulated_ns{0};
    std::atomic<std::uint64_t> events{0};          ///< of the simulator: timers, transfers
    std::atomic<std::uint64_t> bytes_moved{0};     ///< over links
    std::atomic<std::uint64_t> rounds{0};          ///< with a result for at least one program
    std::atomic<std::uint64_t> rounds_planned{0};  ///< 0: unknown
};

}  // namespace starling
