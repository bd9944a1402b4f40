#pragma once

#include <string>

#include "core/node/outbox.hpp"

namespace starling {

// Reports of NaN and infinity in parameters: one such value would be in everybody's model.

/// \param tensor  of this node's program: the first that holds such a value.
void report_own_non_finite(Round round, const std::string& tensor, NonFinitePolicy policy,
                           Outbox& out);
/// What the member sent in this round holds such a value: a contribution to a segment that is
/// merged here, or a segment that it merged.
void report_non_finite_of(const NodeId& member, Round round, NonFinitePolicy policy, Outbox& out);

}  // namespace starling
