#pragma once

#include "core/base/bytes.hpp"

namespace starling {

/// Copies `from` to `to` past the caches, where the processor can: the memory there is not read
/// before it is written, and replaces nothing in the caches. For copies that are larger than these,
/// or of which nothing is read soon; with others memcpy is faster. Other threads may read what was
/// written once they know of it. The two don't overlap.
void copy_past_caches(std::byte* to, ByteView from);

}  // namespace starling
