#include "core/check/lost_commits.hpp"

#include "core/trace/event_fields.hpp"

namespace starling {

void LostCommits::on_event(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    if (event.name == "sn_started" || event.name == "trace_gap") {
        last_.erase(node);
        return;
    }
    const bool applied = event.name == "entry_applied";
    if (const auto last = last_.find(node); last != last_.end()) {
        if (applied || event.name == "round_committed" || event.name == "node_stopped" ||
            time > last->second.time) {
            commits_.at(last->second.index).followed = true;
            last_.erase(last);
        }
    }
    const EventFields fields(event);
    if (!applied || fields.text("kind") != "commit_round" || fields.text("answer") != "0" ||
        fields.flag("repeated")) {
        return;
    }
    const std::uint64_t index = fields.number("index").value_or(0);
    commits_.try_emplace(index,
                         Commit{{index, fields.number("run").value_or(0), time, node}, false});
    last_[node] = {index, time};
}

std::vector<LostCommit> LostCommits::found() const {
    std::vector<LostCommit> lost;
    for (const auto& [index, one] : commits_) {
        if (!one.followed) {
            lost.push_back(one.commit);
        }
    }
    return lost;
}

}  // namespace starling
