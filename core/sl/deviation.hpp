#pragma once

#include <cstdint>
#include <vector>

#include "core/node/outbox.hpp"

namespace starling {

/// What this node merged a round to, although most others signed the digest of another model. Once
/// theirs is here, the segments that differ tell the cause: if this node merged one of them itself,
/// its machine is at fault; if another owner merged it, that owner sent other bytes here than to
/// most, or this machine has changed them since.
struct Deviation {
    Round round = 0;
    Segments merged;
    std::vector<NodeId> owners;  ///< of each segment; in a tree, who passed it on to this node
};

struct DifferentSegments {
    NodeId owner;
    std::uint32_t count = 0;
};

void report_deviation(Round round, const Digest& merged, const Digest& agreed, Outbox& out);
/// The owners of segments that are not those of the agreed model, ascending.
std::vector<DifferentSegments> different_segments(const Deviation& deviation,
                                                  const Segments& agreed);
void report_different(const DifferentSegments& segments, Round round, const NodeId& self,
                      Outbox& out);

}  // namespace starling
