#pragma once

#include <map>
#include <vector>

#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Rounds as the training programs see them: when they wait, and what they get.
class RoundLog {
public:
    struct Entry {
        SwarmTime first_check_in{};  ///< the first program started to wait
        SwarmTime last_check_in{};   ///< the last program started to wait
        SwarmTime last_go_on{};      ///< the last program got the merged parameters
        Digest digest;
        std::uint32_t members = 0;
        bool same_digest = true;  ///< all programs got the same parameters
        SwarmDuration exchange() const { return last_go_on - last_check_in; }
    };

    void checked_in(const NodeId& ml, SwarmTime now) { waiting_since_[ml] = now; }
    void goes_on(const NodeId& ml, Round round, const Digest& digest, SwarmTime now);

    const std::map<Round, Entry>& rounds() const { return rounds_; }
    /// Median of exchange() over all rounds; 0 without a round.
    SwarmDuration median_exchange() const;

private:
    std::map<NodeId, SwarmTime> waiting_since_;  ///< programs that wait for a round
    std::map<Round, Entry> rounds_;
};

}  // namespace starling
