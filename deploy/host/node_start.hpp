#pragma once

#include <string>
#include <string_view>

#include "core/trace/trace_event.hpp"
#include "deploy/host/node_host.hpp"

namespace starling {

/// What the launcher of -d waits for, in terms of the node's trace events.
struct StartPlan {
    bool needs_seat = false;    ///< of a licence server; a node without one ends by itself
    std::string_view own_part;  ///< this host's part of the start is done; empty: with the seat
    std::string_view up;        ///< the node and its program, if any, are up
    std::string waits_for;      ///< what is missing until `up`, to follow "it runs, but "
};

/// Observes the events of a start on their way to the log, and tells host and launcher when the
/// node is up.
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
