#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.hpp"

namespace starling {

/// Detects a livelock: no round ends although nobody trains. Slow links alone never trigger it,
/// since the limit grows with the bytes of a round and the slowness of the narrowest link.
class RoundWatch {
public:
    /// \param limit  given by the user. None: see patience().
    explicit RoundWatch(std::optional<SwarmDuration> limit) : limit_(limit) {}

    /// What a round has to transfer: the parameters of all members.
    void set_round(std::uint64_t model_bytes, std::uint64_t members) {
        model_bytes_ = model_bytes;
        members_ = members;
    }
    /// Bytes per second of the narrowest link; 0: not known.
    void set_narrowest(double bytes_per_second) { narrowest_ = bytes_per_second; }
    /// To be called when a round ends, and while rounds rightly wait: for training, or for a start.
    void goes_on(SwarmTime now, std::uint64_t bytes_moved) {
        since_ = now;
        bytes_at_since_ = bytes_moved;
    }

    /// Limit on time without a round while nobody trains: the user's; otherwise two hours, or ten
    /// times the duration of a round's transfers over the narrowest link, whichever is longer.
    SwarmDuration patience() const;
    /// Why the run must end; nothing: it may go on. Without a limit of the user it also ends after
    /// two hours in which ten times the bytes of a round were moved.
    std::optional<std::string> over(SwarmTime now, std::uint64_t bytes_moved) const;

private:
    double round_bytes() const;

    std::optional<SwarmDuration> limit_;
    std::uint64_t model_bytes_ = 0;
    std::uint64_t members_ = 0;
    double narrowest_ = 0.0;
    SwarmTime since_{};  ///< last goes_on()
    std::uint64_t bytes_at_since_ = 0;
};

}  // namespace starling
