#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// How contributions become one model. Travels on the wire: do not renumber.
enum class MergeRule : std::uint8_t { mean = 1 };

std::string_view to_string(MergeRule rule);

/// What becomes of a contribution with a NaN or an infinity in it, which would be in everybody's
/// model after the merge. Travels on the wire: do not renumber.
enum class NonFinitePolicy : std::uint8_t {
    refuse = 1,  ///< the round is merged without it, and its member is named
    warn = 2,    ///< it is merged, and its member is named
    allow = 3,   ///< nobody looks
};

std::string_view to_string(NonFinitePolicy policy);
/// Errc::usage: none of "refuse", "warn", "allow".
Result<NonFinitePolicy> parse_non_finite_policy(std::string_view text);

/// Merge one segment.
struct MergeWork {
    std::shared_ptr<const ParamLayout> layout;
    std::uint32_t segment = 0;
    MergeRule rule = MergeRule::mean;
    std::vector<Blob> contributions;     ///< ascending by node id, all of the segment's size
    std::vector<std::uint32_t> weights;  ///< of each contribution, > 0
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
};
struct MergeResult {
    std::uint32_t segment = 0;
    Blob merged;
    /// Which contributions hold a NaN or an infinity, by their place. With `refuse` the segment is
    /// merged without them, unless all do.
    std::vector<std::uint32_t> non_finite;
};

}  // namespace starling
