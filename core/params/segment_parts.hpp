#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// The elements of one tensor that are in one segment.
struct SegmentPart {
    const TensorSpec& tensor;
    std::size_t offset = 0;  ///< of the first byte in the segment
    std::size_t bytes = 0;   ///< over 0

    std::size_t count() const { return bytes / element_bytes(tensor.dtype); }
};

/// Calls `visit(part)` for each part of the segment, in the order of the layout: together they are
/// the segment. \pre segment < layout.segment_count()
template <typename Visit>
void for_each_part(const ParamLayout& layout, std::uint32_t segment, Visit visit) {
    const std::uint64_t first = segment * layout.segment_bytes();
    const std::uint64_t last = first + layout.segment_size(segment);
    for (const TensorSpec& tensor : layout.tensors()) {
        const std::uint64_t begin = std::max(first, tensor.offset_bytes);
        const std::uint64_t end = std::min(last, tensor.offset_bytes + tensor.size_bytes());
        if (begin < end) {
            visit(SegmentPart{.tensor = tensor,
                              .offset = static_cast<std::size_t>(begin - first),
                              .bytes = static_cast<std::size_t>(end - begin)});
        }
    }
}

}  // namespace starling
