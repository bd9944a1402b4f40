#include "core/sl/view_watch.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr SwarmDuration lagging_limit = std::chrono::seconds(10);
/// Doubles up to the maximum.
constexpr SwarmDuration view_wait_first = std::chrono::seconds(20);
constexpr SwarmDuration view_wait_max = std::chrono::minutes(5);

}  // namespace

void ViewWatch::on_view(SwarmTime now) {
    since_ = now;
    wait_ = {};
    later_elsewhere_ = false;
}

ViewWatch::Finding ViewWatch::check(SwarmTime now, bool awaits_with_one) {
    const SwarmDuration quiet = now - since_;
    const SwarmDuration wait = std::max(wait_, view_wait_first);
    const bool lags = later_elsewhere_ && quiet > lagging_limit;
    if (!lags && !(awaits_with_one && quiet > wait)) {
        return Finding::none;
    }
    wait_ = std::min(2 * wait, view_wait_max);
    later_elsewhere_ = false;
    since_ = now;
    return lags ? Finding::lags : Finding::unchecked;
}

}  // namespace starling
