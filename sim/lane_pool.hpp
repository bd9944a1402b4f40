#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sim/backlog.hpp"
#include "sim/slow_start.hpp"

namespace starling::sim_connection {

/// One direction of a connection, while it has a use for it.
struct Lane {
    Backlog queue;
    std::uint64_t undelivered_bytes = 0;  ///< queued, being sent or in flight
    SwarmTime last_arrival{};             ///< of a burst; none arrives before an earlier one
    /// If `free_at_known`, it says when a small burst is sent completely: without an event of its
    /// own, unless more is queued.
    SlowStart slow_start;
    bool free_at_known = false;
    bool flowing = false;    ///< a burst was taken from the queue and is not sent completely
    bool wakes = false;      ///< an event when the lane is free starts what is queued
    bool preparing = false;  ///< the sender's thread encrypts the burst after it
    std::uint32_t* holder = nullptr;  ///< of the connection: which lane it has

    /// Whether a new one would do as well: everything has arrived, and TCP's window would be reset
    /// before it is used again.
    bool is_as_new(SwarmTime now) const {
        return undelivered_bytes == 0 && !wakes && !preparing && slow_start.is_reset(now);
    }
};

/// The lanes of all connections. A large swarm has a million connections, of which a few are used
/// within the same second; the others have none.
class LanePool {
public:
    /// Which lane a direction of a connection has; 0: none.
    using Number = std::uint32_t;

    /// nullptr: it has none. Valid until that is taken back.
    Lane* find(Number lane) const { return lane == 0 ? nullptr : lanes_[lane - 1].get(); }
    /// \param direction  of a connection, which has no lane; it gets one. Its address stays the
    ///     same until take_back().
    Lane& give(Number& direction, SwarmTime now) {
        free_unused(now);
        lanes_.push_back(std::make_unique<Lane>());
        lanes_.back()->holder = &direction;
        direction = static_cast<Number>(lanes_.size());
        return *lanes_.back();
    }
    /// The connection is closed.
    void take_back(Number& direction) {
        if (direction != 0) {
            free_at(direction - 1);
        }
    }
    std::size_t size() const { return lanes_.size(); }

private:
    /// Looks at some, of all in turn: more than one, so that those of a busy time become fewer.
    void free_unused(SwarmTime now) {
        constexpr int looks = 3;
        for (int look = 0; look < looks && !lanes_.empty(); ++look) {
            at_ = at_ < lanes_.size() ? at_ : 0;
            if (lanes_[at_]->is_as_new(now)) {
                free_at(at_);
            } else {
                ++at_;
            }
        }
    }
    void free_at(std::size_t place) {
        *lanes_.back()->holder = static_cast<Number>(place + 1);
        *lanes_[place]->holder = 0;
        lanes_[place] = std::move(lanes_.back());
        lanes_.pop_back();
    }

    std::vector<std::unique_ptr<Lane>> lanes_;
    std::size_t at_ = 0;  ///< of the next look
};

}  // namespace starling::sim_connection
