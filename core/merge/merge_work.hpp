#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// How contributions become one model. Travels on the wire: do not renumber.
enum class MergeRule : std::uint8_t { mean = 1 };

std::string_view to_string(MergeRule rule);

/// Merge one segment.
struct MergeWork {
    std::shared_ptr<const ParamLayout> layout;
    std::uint32_t segment = 0;
    MergeRule rule = MergeRule::mean;
    std::vector<Blob> contributions;     ///< ascending by node id, all of the segment's size
    std::vector<std::uint32_t> weights;  ///< of each contribution, > 0
};
struct MergeResult {
    std::uint32_t segment = 0;
    Blob merged;
};

}  // namespace starling
