#include "core/check/swarm_checker.hpp"

#include <cstdio>

namespace starling {

std::string to_string(const Violation& violation) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.6f",
                  static_cast<double>(to_ns(violation.time)) / 1e9);
    return std::string(seconds) + " " + violation.node.name + ": " +
           std::string(violation.invariant) + ": " + violation.text;
}

void SwarmChecker::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    const EventFields fields(event);
    rounds_.on_time(time);
    if (event.name == "entry_applied") {
        ledger_end_ = time;
        ledger_.on_applied(time, node, fields);
    } else if (event.name == "command_sent" || event.name == "command_answered") {
        const auto session = fields.number("session");
        const auto sequence = fields.number("sequence");
        if (!session || !sequence) {
            violations_.add(time, node, "linearizable", "a command without session or sequence");
        } else if (event.name == "command_sent") {
            history_.on_sent(time, node, *session, *sequence);
        } else {
            history_.on_answered(time, node, *session, *sequence, fields.number("code").value_or(0),
                                 fields.number("run").value_or(0));
        }
    } else if (event.name == "sn_started") {
        ledger_.on_started(time, node, fields);
        if (fields.number("silent").value_or(0) > 0) {
            rounds_.on_silence();
        }
    } else if (event.name == "leader_elected") {
        ledger_.on_elected(time, node, fields);
    } else if (event.name == "read_sent") {
        history_.on_read_sent(time, node);
    } else if (event.name == "read_answered") {
        ledger_.on_read_answered(time, node, fields);
    } else if (event.name == "exchange_done") {
        rounds_.on_merged(time, node, fields);
    } else if (event.name == "round_committed") {
        rounds_.on_committed(time, node, fields);
    } else if (event.name == "contract_ended") {
        rounds_.on_ended(time, node, fields);
    } else if (event.name == "round_done" || event.name == "caught_up") {
        rounds_.on_went_on(time, node, fields);
    } else if (event.name == "sync_begin") {
        rounds_.on_sync_begin(time, node, fields);
    } else if (event.name == "sync_end") {
        rounds_.on_sync_end(time, node, fields);
    } else if (event.name == "node_stopped") {
        rounds_.on_stopped(time, node, fields);
    } else if (event.name == "healed") {
        rounds_.on_healed(time, node, fields);
    }
}

void SwarmChecker::finish(SwarmTime time) {
    history_.finish(time, ledger_end_);
    rounds_.finish(time, ledger_end_);
}

}  // namespace starling
