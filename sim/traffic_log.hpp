#pragma once

#include <cstdint>
#include <map>

#include "core/trace/trace_event.hpp"

namespace starling {

/// Bytes of segments that members have exchanged in rounds, by what they report themselves at the
/// end of each. A trace sink that adds them up and passes events on.
class TrafficLog final : public TraceSink {
public:
    struct Exchanged {
        std::uint64_t members = 0;         ///< that have finished the round
        std::uint64_t sent_bytes = 0;      ///< handed to the transport, by all of them
        std::uint64_t received_bytes = 0;  ///< taken, by all of them
    };

    explicit TrafficLog(TraceSink& trace) : trace_(trace) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// By round; those of several contracts are added.
    const std::map<std::uint64_t, Exchanged>& rounds() const { return rounds_; }

private:
    TraceSink& trace_;
    std::map<std::uint64_t, Exchanged> rounds_;
};

/// What the members of a round exchange if nothing is sent twice: each contributes every segment
/// that it does not own, and gets every merged segment that it does not own.
constexpr std::uint64_t exchanged_once(std::uint64_t members, std::uint64_t model_bytes) {
    return members == 0 ? 0 : 2 * (members - 1) * model_bytes;
}

}  // namespace starling
