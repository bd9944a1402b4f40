#pragma once

#include <map>
#include <vector>

#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

/// What the training programs saw of the rounds.
class RoundLog {
public:
    struct Entry {
        SwarmTime first_check_in{};  ///< the first program handed in its parameters
        SwarmTime last_check_in{};   ///< the last one did
        SwarmTime last_go_on{};      ///< the last program got the merged ones
        Digest digest;
        std::uint32_t members = 0;
        bool same_digest = true;  ///< all programs got the same
        SwarmDuration exchange() const { return last_go_on - last_check_in; }
    };

    void checked_in(const NodeId& ml, SwarmTime now) { waiting_since_[ml] = now; }
    void goes_on(const NodeId& ml, Round round, const Digest& digest, SwarmTime now);

    const std::map<Round, Entry>& rounds() const { return rounds_; }
    /// Of all rounds' exchange times; 0 without a round.
    SwarmDuration median_exchange() const;

private:
    std::map<NodeId, SwarmTime> waiting_since_;
    std::map<Round, Entry> rounds_;
};

}  // namespace starling
