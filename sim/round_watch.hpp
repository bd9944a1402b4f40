#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.hpp"

namespace starling {

/// Finds out that a swarm works without getting anywhere: no round ends though nobody trains. Slow
/// links alone never trip it, as its patience grows with what a round has to move and with how slow
/// the narrowest link is.
class RoundWatch {
public:
    /// \param limit  given by the user. None: it follows from the size of a round, see over().
    explicit RoundWatch(std::optional<SwarmDuration> limit) : limit_(limit) {}

    /// What a round has to move: the parameters of so many members.
    void set_round(std::uint64_t model_bytes, std::uint64_t members) {
        model_bytes_ = model_bytes;
        members_ = members;
    }
    /// In bytes a second; 0: not known.
    void set_narrowest(double bytes_per_second) { narrowest_ = bytes_per_second; }
    /// A round has ended, or what a round waits for goes on elsewhere: training, a start to come.
    void goes_on(SwarmTime now, std::uint64_t bytes_moved) {
        since_ = now;
        bytes_at_since_ = bytes_moved;
    }

    /// How long the swarm may be without a round while nobody trains: the user's limit, or two
    /// hours, or ten times what it takes to move all that a round has to move over the narrowest
    /// link, whichever is longer.
    SwarmDuration patience() const;
    /// Why the run is to end; nothing: it may go on. Without a limit of the user's it is also over
    /// after two hours in which ten times the bytes of a round were moved.
    std::optional<std::string> over(SwarmTime now, std::uint64_t bytes_moved) const;

private:
    double round_bytes() const;

    std::optional<SwarmDuration> limit_;
    std::uint64_t model_bytes_ = 0;
    std::uint64_t members_ = 0;
    double narrowest_ = 0.0;
    SwarmTime since_{};
    std::uint64_t bytes_at_since_ = 0;
};

}  // namespace starling
