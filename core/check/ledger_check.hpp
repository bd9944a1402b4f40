#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/check/event_fields.hpp"
#include "core/check/history_check.hpp"
#include "core/check/violation.hpp"

namespace starling {

/// Do all SNs hold one ledger? The same entry at each index, applied in order and without gaps; one
/// leader a term. Memory: a short record for each of the newest entries.
class LedgerCheck {
public:
    static constexpr std::size_t entries_kept_max = std::size_t{1} << 20U;

    LedgerCheck(Violations& violations, HistoryCheck& history)
        : violations_(violations), history_(history) {}

    void on_started(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_applied(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_elected(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_read_answered(SwarmTime time, const NodeId& node, const EventFields& fields);

    std::uint64_t entries() const { return newest_; }

private:
    struct Known {
        std::string head;
        std::uint64_t term = 0;
        AppliedCommand command;
        NodeId by;  ///< the first SN that applied it
    };

    void check_order(SwarmTime time, const NodeId& node, std::uint64_t index);

    Violations& violations_;
    HistoryCheck& history_;
    std::map<std::uint64_t, Known> entries_;
    std::map<NodeId, std::uint64_t> next_;     ///< index that each SN applies next
    std::map<std::uint64_t, NodeId> leaders_;  ///< of each term
    std::uint64_t newest_ = 0;
    std::uint64_t forgotten_ = 0;  ///< up to here nothing is known any more
};

}  // namespace starling
