#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/check/history_check.hpp"
#include "core/check/violation.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// Checks that all SNs have one ledger: the same entry at each index, applied in order and without
/// gaps, and one leader per term (Raft's safety properties). Memory: a short record for each of the
/// newest entries.
class LedgerCheck {
public:
    static constexpr std::size_t entries_kept_max = std::size_t{1} << 20U;

    LedgerCheck(Violations& violations, HistoryCheck& history)
        : violations_(violations), history_(history) {}

    void on_started(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// Events are missing in the trace of this node.
    void on_gap(const NodeId& node) {
        next_.erase(node);
        gaps_.insert(node);
    }
    void on_applied(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_elected(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_read_answered(SwarmTime time, const NodeId& node, const EventFields& fields);

    std::uint64_t entries() const { return newest_; }
    /// When the newest entry was first applied by any SN.
    SwarmTime newest_at() const { return newest_at_; }
    /// Entries that an SN applied and that are in no trace, as "3", "7 to 9".
    std::vector<std::string> unreported_entries() const;

private:
    struct Known {
        std::string head;
        std::uint64_t term = 0;
        AppliedCommand command;
        NodeId by;  ///< the first SN that applied it
    };

    bool all_reported(std::uint64_t up_to) const;
    void check_order(SwarmTime time, const NodeId& node, std::uint64_t index);

    Violations& violations_;
    HistoryCheck& history_;
    std::map<std::uint64_t, Known> entries_;
    std::map<NodeId, std::uint64_t> next_;     ///< index that each SN applies next
    std::map<std::uint64_t, NodeId> leaders_;  ///< of each term
    std::set<NodeId> gaps_;  ///< SNs that have applied nothing since a gap in their trace
    std::uint64_t newest_ = 0;
    SwarmTime newest_at_{};
    std::uint64_t recovered_ = 0;  ///< highest entry that an SN applied without an event
    std::uint64_t dropped_ = 0;    ///< entries up to this one have been dropped
};

}  // namespace starling
