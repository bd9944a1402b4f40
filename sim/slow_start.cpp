// SimGrid's flows use the whole bandwidth at once; TCP doubles its window per round trip until it
// fills the pipe (RFC 5681, with the initial window of RFC 6928 and Linux's reset after idleness).
// The difference is charged as a wait: all windows that are smaller than the bandwidth-delay
// product cost a round trip each.
#include "sim/slow_start.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::uint32_t first_window_bytes = 14'480;  // 10 segments of 1448 bytes (RFC 6928)
/// A window grows to this at most, or to twice this: TCP can announce no more (RFC 7323).
constexpr double largest_window_bytes = 1 << 30;
constexpr SwarmDuration idle_limit = std::chrono::seconds(1);  // tcp_slow_start_after_idle

}  // namespace

bool SlowStart::is_reset(SwarmTime now) const {
    return window_ == 0 || now - idle_since_ >= idle_limit;
}

SlowStart::Cost SlowStart::charge(SwarmTime now, std::uint64_t bytes, SwarmDuration round_trip,
                                  double bytes_per_second) {
    if (is_reset(now)) {
        window_ = first_window_bytes;
        left_ = window_;
        window_began_ = now;
    } else if (now - window_began_ >= round_trip) {
        window_ *= left_ < window_ ? 2 : 1;  // a window grows only if it was used
        left_ = window_;
        window_began_ = now;
    }
    const double pipe = std::min(bytes_per_second * to_seconds(round_trip), largest_window_bytes);
    Cost cost;
    while (static_cast<double>(window_) < pipe && bytes - cost.sent_bytes > left_) {
        cost.sent_bytes += left_;
        cost.wait += round_trip;
        window_ *= 2;
        left_ = window_;
        window_began_ = now + cost.wait;
    }
    left_ -= static_cast<std::uint32_t>(std::min<std::uint64_t>(left_, bytes - cost.sent_bytes));
    if (static_cast<double>(window_) >= pipe) {
        // The window fills the pipe: only the links limit from here on, so it need not grow
        // further.
        left_ = window_;
    }
    return cost;
}

}  // namespace starling
