#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.hpp"

namespace starling {

/// A watchdog against livelocks: no round ends although nobody trains. Slow links alone never
/// trigger it, since its limit is a multiple of the time in which the slowest link transfers a
/// round.
class RoundWatch {
public:
    /// \param limit  given by the user. None: see time_limit().
    explicit RoundWatch(std::optional<SwarmDuration> limit) : limit_(limit) {}

    /// What a round has to transfer: the parameters of all members.
    void set_round(std::uint64_t model_bytes, std::uint64_t members) {
        model_bytes_ = model_bytes;
        members_ = members;
    }
    /// Bandwidth of the slowest link in bytes per second; 0: not known.
    void set_bottleneck(double bytes_per_second) { bottleneck_ = bytes_per_second; }
    /// Restarts the time limit. To be called when a round ends, and while it is right that none
    /// does: programs train, or nodes have yet to start.
    void reset(SwarmTime now, std::uint64_t bytes_moved) {
        since_ = now;
        bytes_at_since_ = bytes_moved;
    }

    /// Limit on time without a round while nobody trains: the user's; otherwise two hours, or ten
    /// times the duration of a round's transfers over the slowest link, whichever is longer.
    SwarmDuration time_limit() const;
    /// Why the run must end; nothing: it may continue. Without a limit of the user it also ends
    /// after two hours in which ten times the bytes of a round were moved.
    std::optional<std::string> reason_to_end(SwarmTime now, std::uint64_t bytes_moved) const;

private:
    double round_bytes() const;

    std::optional<SwarmDuration> limit_;
    std::uint64_t model_bytes_ = 0;
    std::uint64_t members_ = 0;
    double bottleneck_ = 0.0;
    SwarmTime since_{};  ///< last reset()
    std::uint64_t bytes_at_since_ = 0;
};

}  // namespace starling
