#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/time.hpp"

namespace starling {

/// The timers of an SL node.
enum SlTimer : std::uint32_t {
    heartbeat_timer = 1,  ///< also drives all that is checked now and then
    sn_dial_timer,
    peer_dial_timer,
    end_timer,  ///< the SN has not answered the goodbye
    linger_timer,
    delay_timer  ///< a check-in, or writing a merged model, is delayed no longer
};

/// Between two tries to connect to an SN or a member.
constexpr SwarmDuration redial_interval = std::chrono::milliseconds(500);
/// After a connection that was there has broken.
constexpr SwarmDuration first_redial = redial_interval / 5;

}  // namespace starling
