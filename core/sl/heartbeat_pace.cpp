#include "core/sl/heartbeat_pace.hpp"

#include <algorithm>

namespace starling {

bool HeartbeatPace::due(SwarmTime now) {
    const SwarmDuration longest = 30 * interval_;
    const SwarmDuration since = now - sent_at_;
    if (!unanswered_) {
        return since >= std::min<SwarmDuration>(2 * round_trip_, shortest());
    }
    if (since < wait_) {
        return false;
    }
    wait_ = std::min<SwarmDuration>(wait_ * 3 / 2, longest);
    return true;
}

void HeartbeatPace::on_sent(SwarmTime now) {
    sent_at_ = now;
    unanswered_ = true;
}

void HeartbeatPace::on_answered(SwarmTime now) {
    if (unanswered_) {
        unanswered_ = false;
        wait_ = shortest();
        round_trip_ = now - sent_at_;
    }
}

}  // namespace starling
