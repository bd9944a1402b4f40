#pragma once

#include <cstdint>

#include "core/check/history_check.hpp"
#include "core/check/ledger_check.hpp"
#include "core/check/round_check.hpp"
#include "core/check/violation.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

struct SwarmCheckerOptions {
    /// Events of different nodes are known to be in order if they are so far apart; 0: all come
    /// from one clock, in order.
    SwarmDuration clock_error{0};
};

/// Judges a whole swarm by its trace events alone, while they come: the same for a test, a
/// simulation and recorded real runs. What it looks for stands at LedgerCheck, HistoryCheck and
/// RoundCheck; events that tell nothing of these are skipped. Beside what nodes report it knows
/// `healed` (round_limit_ms: from now on a round ends in that time, and finish() expects a complete
/// training), and `read_sent`, `read_answered` (entries, head) of a reader.
class SwarmChecker final : public TraceSink {
public:
    explicit SwarmChecker(SwarmCheckerOptions options = {})
        : history_(violations_, options.clock_error),
          ledger_(violations_, history_),
          rounds_(violations_, options.clock_error) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// After the last event.
    void finish(SwarmTime time);

    const Violations& violations() const { return violations_; }
    std::uint64_t entries() const { return ledger_.entries(); }
    std::uint64_t rounds() const { return rounds_.rounds(); }
    std::uint64_t operations() const { return history_.operations(); }
    std::uint64_t reads() const { return history_.reads(); }

private:
    Violations violations_;
    HistoryCheck history_;
    LedgerCheck ledger_;
    RoundCheck rounds_;
    SwarmTime ledger_end_{};
};

}  // namespace starling
