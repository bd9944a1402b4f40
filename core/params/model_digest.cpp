#include "core/params/model_digest.hpp"

#include <vector>

namespace starling {

Digest segment_digest(const Blob& segment, const Hasher& hasher) {
    if (segment.is_phantom()) {
        return hasher.digest(std::span<const Blob>(&segment, 1));
    }
    const std::vector<Digest> blocks = hasher.digest_blocks(segment.view(), digest_block_bytes);
    return hasher.digest(std::as_bytes(std::span(blocks)));
}

Digest model_digest(std::span<const Digest> segments, const Hasher& hasher) {
    return hasher.digest(std::as_bytes(segments));
}

Digest model_digest(std::span<const Blob> segments, const Hasher& hasher) {
    std::vector<Digest> digests;
    digests.reserve(segments.size());
    for (const Blob& segment : segments) {
        digests.push_back(segment_digest(segment, hasher));
    }
    return model_digest(digests, hasher);
}

}  // namespace starling
