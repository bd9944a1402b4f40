#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/check/history_check.hpp"
#include "core/check/ledger_check.hpp"
#include "core/check/lost_commits.hpp"
#include "core/check/round_check.hpp"
#include "core/check/violation.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

struct SwarmCheckerOptions {
    /// Events of different nodes that are further apart are in order; 0: all are from one clock, in
    /// order.
    SwarmDuration clock_error{0};
};

/// Checks a whole swarm by its trace events alone, online: the same for tests, simulations and
/// recorded real runs. The invariants are described at LedgerCheck, HistoryCheck and RoundCheck;
/// other events are ignored. In addition to the events of nodes it knows those of a harness:
/// `healed` (round_limit_ms: from now on each round ends within that time, and finish() expects a
/// complete training), `observed` (process, wrong: a process runs or ends that must not), and
/// `read_sent`, `read_answered` (entries, head) of a reader. Starts of one node that run at the
/// same time are distinguished by their sessions. What can't be judged, because a trace is
/// incomplete (its SN runs, or was killed), is reported in not_seen().
class SwarmChecker final : public TraceSink {
public:
    explicit SwarmChecker(SwarmCheckerOptions options = {})
        : options_(options), checks_(std::make_unique<Checks>(violations_, options.clock_error)) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// To be called after the last event.
    void finish(SwarmTime time);

    /// What could not be judged, and why; valid after finish().
    const std::vector<std::string>& not_seen() const { return not_seen_; }

    const Violations& violations() const { return violations_; }
    std::uint64_t entries() const { return entries_before_ + checks_->ledger.entries(); }
    std::uint64_t rounds() const { return rounds_before_ + checks_->rounds.rounds(); }
    std::uint64_t operations() const { return operations_before_ + checks_->history.operations(); }
    std::uint64_t reads() const { return reads_before_ + checks_->history.reads(); }

private:
    /// The newest start of an SN, as far as its trace contains it.
    struct Sn {
        SwarmTime last{};         ///< time of its last event
        std::uint64_t entry = 0;  ///< newest that it has applied
        bool stopped = false;     ///< it has reported its end: its trace is complete
    };
    /// One ledger and the trainings on it.
    struct Checks {
        Checks(Violations& violations, SwarmDuration clock_error)
            : history(violations, clock_error),
              ledger(violations, history),
              rounds(violations, clock_error) {}
        HistoryCheck history;
        LedgerCheck ledger;
        RoundCheck rounds;
        LostCommits commits;
    };

    /// If clocks differ, the traces are files, whose ends may be missing.
    bool is_of_files() const { return options_.clock_error > SwarmDuration{0}; }
    void note_sn(SwarmTime time, const NodeId& node, const TraceEvent& event);
    SwarmTime complete_until() const;
    void close_ledger(SwarmTime time);

    SwarmCheckerOptions options_;
    Violations violations_;
    std::unique_ptr<Checks> checks_;
    std::map<NodeId, Sn> sns_;
    std::vector<std::string> not_seen_;
    std::uint64_t entries_before_ = 0;  ///< totals of earlier ledgers
    std::uint64_t rounds_before_ = 0;
    std::uint64_t operations_before_ = 0;
    std::uint64_t reads_before_ = 0;
};

}  // namespace starling
