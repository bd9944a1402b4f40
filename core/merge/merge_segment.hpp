#pragma once

#include "core/merge/merge_work.hpp"

namespace starling {

/// Merges one segment: tensors of floating types by the work's rule, those of integer types
/// (counters) taken from the lowest node id, that is, from the first contribution. Phantom
/// contributions give a phantom. Contributions are looked at for NaN and infinity only where the
/// merged segment holds one: no rule makes one of finite contributions, so that costs one pass over
/// the result.
MergeResult merge_segment(const MergeWork& work);

}  // namespace starling
