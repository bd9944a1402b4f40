// Decides when a simulation whose events go on is over because no round ends any more. The limit
// scales with the bytes of a round and the narrowest link, since a correct round over a slow link
// may take simulated days.
#include "sim/round_watch.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace starling {
namespace {

constexpr SwarmDuration patience_min = std::chrono::hours(2);
constexpr double patience_seconds_max = 1e9;
constexpr double times = 10.0;
// Heartbeats and other small messages of a member in some days.
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

SwarmDuration RoundWatch::patience() const {
    if (limit_) {
        return *limit_;
    }
    if (narrowest_ <= 0.0) {
        return patience_min;
    }
    const double seconds = times * round_bytes() / narrowest_;
    return std::max(patience_min, from_seconds(std::min(seconds, patience_seconds_max)));
}

std::optional<std::string> RoundWatch::over(SwarmTime now, std::uint64_t bytes_moved) const {
    const SwarmDuration waited = now - since_;
    const auto moved = static_cast<double>(bytes_moved - bytes_at_since_);
    const std::string what = "no round completed for " + rounded(to_seconds(waited), "s") +
                             " in which nobody trained, while " + rounded(moved / 1e6, "MB") +
                             " were moved";
    if (waited >= patience()) {
        return what + "; the limit is " + rounded(to_seconds(patience()), "s") +
               (limit_ ? " (--round-limit)" : " (--round-limit sets another)");
    }
    if (!limit_ && waited >= patience_min && moved >= times * round_bytes()) {
        return what + ", and a round has " + rounded(round_bytes() / 1e6, "MB") +
               " to move (--round-limit sets a limit in time)";
    }
    return std::nullopt;
}

}  // namespace starling
