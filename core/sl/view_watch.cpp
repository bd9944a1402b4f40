#include "core/sl/view_watch.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr SwarmDuration lagging_limit = std::chrono::seconds(10);
/// Doubles up to the maximum.
constexpr SwarmDuration view_wait_first = std::chrono::seconds(20);
constexpr SwarmDuration view_wait_max = std::chrono::minutes(5);
/// Doubles in the same way.
constexpr SwarmDuration round_wait_first = std::chrono::seconds(30);

}  // namespace

void ViewWatch::on_view(SwarmTime now) {
    since_ = now;
    wait_ = {};
    later_elsewhere_ = false;
}

ViewWatch::Finding ViewWatch::check(SwarmTime now, std::optional<Round> awaited, bool with_one) {
    if (awaited != awaited_) {
        awaited_ = awaited;
        awaited_since_ = now;
        awaited_wait_ = round_wait_first;
    }
    if (awaited && now - awaited_since_ > awaited_wait_) {
        awaited_since_ = now;
        awaited_wait_ = std::min(2 * awaited_wait_, view_wait_max);
        later_elsewhere_ = false;
        since_ = now;
        return Finding::unchecked;
    }
    const SwarmDuration quiet = now - since_;
    const SwarmDuration wait = std::max(wait_, view_wait_first);
    const bool lags = later_elsewhere_ && quiet > lagging_limit;
    if (!lags && !(awaited && with_one && quiet > wait)) {
        return Finding::none;
    }
    wait_ = std::min(2 * wait, view_wait_max);
    later_elsewhere_ = false;
    since_ = now;
    return lags ? Finding::lags : Finding::unchecked;
}

}  // namespace starling
