#include "core/sn/leadership.hpp"

#include <algorithm>
#include <utility>

namespace starling {
namespace {

constexpr SwarmDuration line_interval_max = std::chrono::minutes(10);

}  // namespace

bool Leadership::update_shown(const Consensus& consensus, SwarmTime now) {
    const std::optional<NodeId> before = std::exchange(shown_, shown(consensus, now));
    return before != shown_;
}

Leadership::Change Leadership::update_own(const Consensus& consensus, SwarmTime now) {
    const bool led = std::exchange(leads_, consensus.leads());
    if (leads_ && (!led || led_term_ != consensus.term())) {
        led_term_ = consensus.term();
        led_since_ = now;
        return Change::elected;
    }
    return led && !leads_ ? Change::ended : Change::none;
}

bool Leadership::update_known(const Consensus& consensus) {
    const std::optional<NodeId> leader = consensus.leader();
    if (!leader || (leader == known_ && known_term_ == consensus.term())) {
        return false;
    }
    known_ = leader;
    known_term_ = consensus.term();
    return true;
}

bool Leadership::take_missing_line(SwarmTime now) {
    const SwarmDuration since = missing_for(now);
    if (since < next_missing_line_) {
        return false;
    }
    next_missing_line_ = since + std::min<SwarmDuration>(since * 2, line_interval_max);
    missing_line_written_ = true;
    return true;
}

bool Leadership::take_found_line() {
    if (!missing_line_written_) {
        return false;
    }
    missing_line_written_ = false;
    next_missing_line_ = {};
    return true;
}

}  // namespace starling
