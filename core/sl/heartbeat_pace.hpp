#pragma once

#include "core/base/time.hpp"

namespace starling {

/// When the next heartbeat is sent. On a saturated link heartbeats would queue up and compete with
/// the model: the next one is sent after the answer to the previous one and as long again as that
/// took. Without an answer the wait grows by half each time: the first two waits stay within a
/// lease, and the lease follows the pauses that the SN observes.
class HeartbeatPace {
public:
    explicit HeartbeatPace(SwarmDuration interval) : interval_(interval), wait_(shortest()) {}

    /// Asked once an interval. \return true: send one now.
    bool due(SwarmTime now);
    void on_sent(SwarmTime now);
    /// A view counts as an answer too.
    void on_answered(SwarmTime now);
    /// On a new connection: what was sent on the earlier one is not answered any more.
    void restart() {
        unanswered_ = false;
        wait_ = shortest();
    }
    /// Whether the newest heartbeat has no answer yet.
    bool unanswered() const { return unanswered_; }
    /// Of the newest heartbeat that was answered.
    SwarmDuration round_trip() const { return round_trip_; }

private:
    SwarmDuration shortest() const { return 3 * interval_; }

    SwarmDuration interval_;
    SwarmTime sent_at_{};  ///< the newest one
    bool unanswered_ = false;
    /// Until the next one while the newest is not answered: 3 to 30 intervals.
    SwarmDuration wait_;
    SwarmDuration round_trip_{0};
};

}  // namespace starling
