#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/hasher.hpp"
#include "core/merge/finite.hpp"
#include "core/merge/merge_rules.hpp"
#include "core/merge/segment_codec.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// Merge one segment.
struct MergeWork {
    std::shared_ptr<const ParamLayout> layout;
    std::uint32_t segment = 0;
    MergeMethod method;
    std::vector<Blob> contributions;     ///< ascending by node id, encoded as they travel
    std::vector<std::uint32_t> weights;  ///< of each contribution, > 0
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    CompressionMethod compression;
    Blob reference;  ///< see SegmentCodec; without compression not used
};
struct MergeResult {
    std::uint32_t segment = 0;
    Blob encoded;   ///< the merged segment as it travels
    Blob merged;    ///< decoded from that, as all members have it
    Digest digest;  ///< of `merged`
    /// Which contributions hold a NaN or an infinity, by their place. With `refuse` the segment is
    /// merged without them, unless all do.
    std::vector<std::uint32_t> non_finite;
};

}  // namespace starling
