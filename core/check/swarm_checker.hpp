#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

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
/// training), `observed` (process, wrong: one that runs or ends though it must not), and
/// `read_sent`, `read_answered` (entries, head) of a reader. Starts of one node that live at a time
/// are told apart by their sessions. Where a trace does not tell all (its SN runs, or was killed),
/// it says so and does not guess.
class SwarmChecker final : public TraceSink {
public:
    explicit SwarmChecker(SwarmCheckerOptions options = {})
        : options_(options), judges_(std::make_unique<Judges>(violations_, options.clock_error)) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// After the last event.
    void finish(SwarmTime time);

    /// What could not be judged, and why, in sentences; after finish().
    const std::vector<std::string>& not_seen() const { return not_seen_; }

    const Violations& violations() const { return violations_; }
    std::uint64_t entries() const { return entries_before_ + judges_->ledger.entries(); }
    std::uint64_t rounds() const { return rounds_before_ + judges_->rounds.rounds(); }
    std::uint64_t operations() const { return operations_before_ + judges_->history.operations(); }
    std::uint64_t reads() const { return reads_before_ + judges_->history.reads(); }

private:
    /// What the trace of an SN tells of its newest start.
    struct Sn {
        SwarmTime last{};         ///< event
        std::uint64_t entry = 0;  ///< newest that it told of
        bool stopped = false;     ///< in good order: its trace is whole
    };
    /// One ledger and the trainings on it.
    struct Judges {
        Judges(Violations& violations, SwarmDuration clock_error)
            : history(violations, clock_error),
              ledger(violations, history),
              rounds(violations, clock_error) {}
        HistoryCheck history;
        LedgerCheck ledger;
        RoundCheck rounds;
    };

    void note_sn(SwarmTime time, const NodeId& node, const TraceEvent& event);
    SwarmTime told_until() const;
    void close_ledger(SwarmTime time);

    SwarmCheckerOptions options_;
    Violations violations_;
    std::unique_ptr<Judges> judges_;
    std::map<NodeId, Sn> sns_;
    std::vector<std::string> not_seen_;
    std::uint64_t entries_before_ = 0;  ///< of earlier ledgers; and so on
    std::uint64_t rounds_before_ = 0;
    std::uint64_t operations_before_ = 0;
    std::uint64_t reads_before_ = 0;
};

}  // namespace starling
