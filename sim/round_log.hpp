#pragma once

#include <map>
#include <vector>

#include "core/base/by_node.hpp"
#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Rounds as the training programs see them: when each starts to wait for a round's result, and
/// when it receives which parameters.
class RoundLog {
public:
    struct Entry {
        SwarmTime first_check_in{};  ///< the first program started to wait
        SwarmTime last_check_in{};   ///< the last program started to wait
        SwarmTime last_result{};     ///< the last program got the merged parameters
        Digest digest;
        std::uint32_t members = 0;
        bool same_digest = true;  ///< all programs got the same parameters
        /// From the moment when all wait until all have the result.
        SwarmDuration exchange_time() const { return last_result - last_check_in; }
    };

    /// The program of `ml` starts to wait.
    void record_check_in(const NodeId& ml, SwarmTime now);
    /// It has received the parameters of `round`. Ignored if it did not wait.
    void record_result(const NodeId& ml, Round round, const Digest& digest, SwarmTime now);

    const std::map<Round, Entry>& rounds() const { return rounds_; }
    /// Median of exchange_time() over all rounds; 0 without a round.
    SwarmDuration median_exchange_time() const;

private:
    struct Waiting {
        NodeId program;
        SwarmTime since{};
        static const NodeId& id_of(const Waiting& one) { return one.program; }
    };
    ByNode<Waiting, Waiting::id_of> waiting_;
    std::map<Round, Entry> rounds_;
};

}  // namespace starling
