// Ends a simulation that still has events but completes no rounds (a livelock). The time limit
// scales with the bytes of a round and the slowest link, since a correct round over a slow link may
// take simulated days.
#include "sim/round_watch.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace starling {
namespace {

constexpr SwarmDuration time_limit_min = std::chrono::hours(2);
constexpr double time_limit_seconds_max = 1e9;
constexpr double safety_factor = 10.0;
// Allowance for a member's heartbeats and other small messages over some days.
constexpr double other_bytes = 1024.0 * 1024.0;

std::string rounded(double value, const char* unit) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.6g %s", value, unit);
    return text.data();
}

}  // namespace

double RoundWatch::round_bytes() const {
    // Each member sends its parameters and receives the merged ones.
    return static_cast<double>(members_) * (2.0 * static_cast<double>(model_bytes_) + other_bytes);
}

SwarmDuration RoundWatch::time_limit() const {
    if (limit_) {
        return *limit_;
    }
    if (bottleneck_ <= 0.0) {
        return time_limit_min;
    }
    const double seconds = safety_factor * round_bytes() / bottleneck_;
    return std::max(time_limit_min, from_seconds(std::min(seconds, time_limit_seconds_max)));
}

std::optional<std::string> RoundWatch::reason_to_end(SwarmTime now,
                                                     std::uint64_t bytes_moved) const {
    const SwarmDuration waited = now - since_;
    const auto moved = static_cast<double>(bytes_moved - bytes_at_since_);
    const std::string what = "no round completed for " + rounded(to_seconds(waited), "s") +
                             " in which nobody trained, while " + rounded(moved / 1e6, "MB") +
                             " were moved";
    if (waited >= time_limit()) {
        return what + "; the limit is " + rounded(to_seconds(time_limit()), "s") +
               (limit_ ? " (--round-limit)" : " (--round-limit sets another)");
    }
    if (!limit_ && waited >= time_limit_min && moved >= safety_factor * round_bytes()) {
        return what + ", and a round has " + rounded(round_bytes() / 1e6, "MB") +
               " to move (--round-limit sets a limit in time)";
    }
    return std::nullopt;
}

}  // namespace starling
