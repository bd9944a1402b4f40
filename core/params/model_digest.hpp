#pragma once

#include <span>

#include "core/base/hasher.hpp"

namespace starling {

/// Bytes of a segment that are hashed by themselves.
constexpr std::size_t digest_block_bytes = std::size_t{16} * 1024;

/// The digest of a single segment: SHA-256 over the concatenated SHA-256 digests of its blocks of
/// digest_block_bytes, the last of which may be shorter. A full segment has 16, which a processor
/// can hash at once. A phantom has the digest of its size.
Digest segment_digest(const Blob& segment, const Hasher& hasher);

/// The digest of a parameter vector: SHA-256 over the concatenated digests of its segments, in
/// order. Segments can thus be hashed as they arrive, in any order and by several threads.
/// \param segments  one digest for each segment
Digest model_digest(std::span<const Digest> segments, const Hasher& hasher);
/// The same, from the segments themselves.
Digest model_digest(std::span<const Blob> segments, const Hasher& hasher);

}  // namespace starling
