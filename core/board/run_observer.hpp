#pragma once

#include <cstddef>
#include <cstdint>

#include "core/board/node_table.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

/// Is told of a run while its model (RunModel) is built. Times are microseconds since the first
/// event of the run.
class RunObserver {
public:
    virtual ~RunObserver() = default;
    /// The node is in `node.state`, of `node.round`, from now on.
    virtual void entered(std::size_t index, const BoardNode& node, std::int64_t us) = 0;
    /// The model has taken in this event of the node.
    virtual void happened(std::size_t index, const BoardNode& node, const TraceEvent& event,
                          std::int64_t us) = 0;
};

}  // namespace starling
