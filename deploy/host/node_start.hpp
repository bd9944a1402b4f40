#pragma once

#include <string>
#include <string_view>

#include "core/trace/trace_event.hpp"
#include "deploy/host/node_host.hpp"

namespace starling {

/// What a start is waited for with -d, by the events that the node reports.
struct StartPlan {
    bool needs_seat = false;    ///< of a licence server; a node that gets none ends by itself
    std::string_view own_part;  ///< from then on only others are waited for; empty: from the seat
    std::string_view up;        ///< the node, and its program if it has one, are up
    std::string waits_for;      ///< after "it runs, but ": what is missing until `up`
};

/// Follows a start on its way to the log: says when the node is up, to its host and to the launcher
/// of -d.
class NodeStart final : public TraceSink {
public:
    /// `next` and `host` must outlive this.
    NodeStart(TraceSink& next, NodeHost& host, StartPlan plan);

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;

private:
    void own_part_done();

    TraceSink& next_;
    NodeHost& host_;
    const StartPlan plan_;
    bool waiting_ = false;
};

}  // namespace starling
