#include "deploy/host/node_start.hpp"

#include <utility>

namespace starling {

NodeStart::NodeStart(TraceSink& next, NodeHost& host, StartPlan plan)
    : next_(next), host_(host), plan_(std::move(plan)) {
    if (!plan_.needs_seat && plan_.own_part.empty()) {
        own_part_done();
    }
}

void NodeStart::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    next_.report(time, node, event);
    if (host_.up) {
        return;
    }
    if (event.name == plan_.up) {
        host_.is_up();
    } else if (event.name == (plan_.own_part.empty() ? "seat_held" : plan_.own_part)) {
        own_part_done();
    }
}

void NodeStart::own_part_done() {
    if (!std::exchange(waiting_, true)) {
        host_.waits_for(plan_.waits_for);
    }
}

}  // namespace starling
