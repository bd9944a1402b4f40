#pragma once

#include <span>

#include "core/base/hasher.hpp"

namespace starling {

/// The digest of a single segment.
Digest segment_digest(const Blob& segment, const Hasher& hasher);

/// The digest of a parameter vector: SHA-256 over the concatenated digests of its segments, in
/// order. Segments can thus be hashed as they arrive, in any order and by several threads.
/// \param segments  one digest for each segment
Digest model_digest(std::span<const Digest> segments, const Hasher& hasher);
/// The same, from the segments themselves.
Digest model_digest(std::span<const Blob> segments, const Hasher& hasher);

}  // namespace starling
