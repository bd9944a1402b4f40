#include "core/check/swarm_checker.hpp"

#include <algorithm>
#include <cstdio>

namespace starling {
namespace {

/// Bound on the delay with which a trace is written to its file; SNs apply an entry at about the
/// same time.
constexpr SwarmDuration flush_interval = std::chrono::seconds(1);

std::string seconds_text(SwarmTime time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(to_ns(time)) / 1e9);
    return text;
}

}  // namespace

std::string to_string(const Violation& violation) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.6f",
                  static_cast<double>(to_ns(violation.time)) / 1e9);
    return std::string(seconds) + " " + violation.node.name + ": " +
           std::string(violation.invariant) + ": " + violation.text;
}

void SwarmChecker::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    const EventFields fields(event);
    note_sn(time, node, event);
    if (is_of_files()) {
        checks_->commits.on_event(time, node, event);
    }
    HistoryCheck& history = checks_->history;
    LedgerCheck& ledger = checks_->ledger;
    RoundCheck& rounds = checks_->rounds;
    rounds.on_time(time);
    if (event.name == "entry_applied") {
        ledger.on_applied(time, node, fields);
    } else if (event.name == "command_sent" || event.name == "command_answered") {
        const auto session = fields.number("session");
        const auto sequence = fields.number("sequence");
        if (!session || !sequence) {
            violations_.add(time, node, "linearizable", "a command without session or sequence");
        } else if (event.name == "command_sent" && fields.text("kind") == "read_barrier") {
            history.on_barrier_sent(node, *session);
        } else if (event.name == "command_sent") {
            history.on_sent(time, node, *session, *sequence);
        } else {
            history.on_answered(time, node, *session, *sequence, fields.number("code").value_or(0),
                                fields.number("run").value_or(0));
        }
    } else if (event.name == "sn_started") {
        ledger.on_started(time, node, fields);
        if (history.is_incomplete()) {
            rounds.set_incomplete(true);
        }
    } else if (event.name == "trace_gap") {
        ledger.on_gap(node);
    } else if (event.name == "leader_elected") {
        ledger.on_elected(time, node, fields);
    } else if (event.name == "read_sent") {
        history.on_read_sent(time, node);
    } else if (event.name == "read_answered") {
        ledger.on_read_answered(time, node, fields);
    } else if (event.name == "exchange_done") {
        rounds.on_merged(time, node, fields);
    } else if (event.name == "round_committed") {
        rounds.on_committed(time, node, fields);
    } else if (event.name == "contract_ended") {
        rounds.on_ended(time, node, fields);
    } else if (event.name == "model_missing") {
        rounds.on_model_missing(fields);
    } else if (event.name == "round_done" || event.name == "caught_up") {
        rounds.on_continued(time, node, fields);
    } else if (event.name == "sync_begin") {
        rounds.on_sync_begin(time, node, fields);
    } else if (event.name == "sync_end") {
        rounds.on_sync_end(time, node, fields);
    } else if (event.name == "sync_committed") {
        rounds.on_sync_committed(time, node, fields);
    } else if (event.name == "node_stopped") {
        rounds.on_stopped(time, node, fields);
    } else if (event.name == "observed") {
        rounds.on_observed(time, node, fields);
    } else if (event.name == "healed") {
        rounds.on_healed(time, node, fields);
    }
}

void SwarmChecker::note_sn(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    const EventFields fields(event);
    if (event.name == "sn_started") {
        // If it is the only SN, an empty disk starts another ledger.
        const bool others = sns_.size() > sns_.count(node);
        if (!others && fields.number("entries").value_or(1) == 0 && checks_->ledger.entries() > 0) {
            not_seen_.push_back("'" + node.name + "' starts with an empty ledger at " +
                                seconds_text(time) + ": what came before is judged separately");
            close_ledger(time);
        }
        sns_[node].stopped = false;
    } else if (event.name == "entry_applied") {
        sns_[node].entry = fields.number("index").value_or(0);
    }
    if (const auto sn = sns_.find(node); sn != sns_.end()) {
        sn->second.last = time;
        sn->second.stopped = sn->second.stopped || event.name == "node_stopped";
    }
}

SwarmTime SwarmChecker::complete_until() const {
    SwarmTime until = checks_->ledger.newest_at();
    if (is_of_files()) {
        until -= flush_interval;
    }
    for (const auto& [node, sn] : sns_) {
        if (sn.stopped) {
            until = std::max(until, sn.last);
        }
    }
    return until;
}

void SwarmChecker::close_ledger(SwarmTime time) {
    const std::vector<std::string> unreported = checks_->ledger.unreported_entries();
    std::vector<std::string> restored;
    if (is_of_files()) {
        // An entry without an event when one SN restarted may have one of another SN since.
        checks_->history.set_incomplete(!unreported.empty());
        checks_->rounds.set_incomplete(!unreported.empty());
        restored = checks_->rounds.restore(checks_->commits.found());
    }
    const SwarmTime until = complete_until();
    const std::uint64_t not_judged =
        checks_->history.finish(time, until) + checks_->rounds.finish(time, until);
    for (const std::string& range : unreported) {
        not_seen_.push_back("no trace contains entry " + range +
                            ", which an SN has applied: it was killed before it had written this "
                            "event, or an older trace is missing");
    }
    not_seen_.insert(not_seen_.end(), restored.begin(), restored.end());
    if (not_judged > 0) {
        for (const auto& [node, sn] : sns_) {
            if (!sn.stopped) {
                not_seen_.push_back("the trace of '" + node.name + "' ends at " +
                                    seconds_text(sn.last) +
                                    " without its end (it is running, or was killed): what it "
                                    "applied after entry " +
                                    std::to_string(sn.entry) + " is not seen");
            }
        }
        not_seen_.push_back(std::to_string(not_judged) +
                            " events of members are about entries that no SN's trace contains: "
                            "they are not judged");
    }
    entries_before_ += checks_->ledger.entries();
    rounds_before_ += checks_->rounds.rounds();
    operations_before_ += checks_->history.operations();
    reads_before_ += checks_->history.reads();
    checks_ = std::make_unique<Checks>(violations_, options_.clock_error);
    sns_.clear();
}

void SwarmChecker::finish(SwarmTime time) { close_ledger(time); }

}  // namespace starling
