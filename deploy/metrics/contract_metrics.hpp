#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/node/node.hpp"
#include "core/trace/event_fields.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// Metrics of a contract, counted since the node started. An SN has them for each contract, an SL
/// for its own.
struct ContractMetrics {
    std::uint64_t committed = 0;
    std::uint64_t attempts = 0;
    std::uint64_t round = 0;
    std::uint64_t attempt = 0;
    std::uint64_t round_members = 0;
    std::uint64_t members_departed = 0;
    std::map<std::string, std::uint64_t> deviated;    ///< rounds, by member
    std::map<std::string, std::uint64_t> not_finite;  ///< rounds, by member
    std::set<std::string> members;
    std::map<std::string, std::uint64_t> ended;  ///< by phase
    std::optional<SwarmTime> first_check_in;     ///< of the round
    std::optional<SwarmTime> exchange_began;     ///< of the attempt
    bool begun_early = false;                    ///< and not frozen yet
    bool is_merged = false;                      ///< before it was frozen
    std::optional<SwarmTime> last_commit;
    Histogram round_duration;
    Histogram check_in_to_commit;
    Histogram exchange_duration;

    // To be called at the trace events of these; `time` is the event's.
    void attempt_begins(SwarmTime time, const EventFields& fields);
    /// Before the attempt is frozen: see sl/early_exchange.hpp.
    void begins_early(SwarmTime time);
    void merged_early(SwarmTime time);
    void exchange_ends(SwarmTime time);
    void round_committed(SwarmTime time, const EventFields& fields);
};

using MetricsByContract = std::map<std::string, ContractMetrics>;

/// Writes the families common to SNs and SLs.
/// \param role  of the node.
void write_rounds(const MetricsByContract& contracts, Role role, Exposition& out);

}  // namespace starling
