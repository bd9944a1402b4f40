#include "core/merge/plan.hpp"

#include "core/base/invariant.hpp"
#include "core/params/segments.hpp"

namespace starling {

MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round,
                    std::uint32_t attempt) {
    STARLING_INVARIANT(member_count >= 1, "a frozen round has members");
    MergePlan plan;
    const std::uint32_t segments = segment_count(layout_bytes);
    const auto first = static_cast<std::uint32_t>((round + attempt) % member_count);
    const bool star = layout_bytes < star_bytes_per_member * member_count;
    plan.owner_of.reserve(segments);
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        // Neighbouring segments have one owner, so a member asks each owner for one range.
        const auto slice =
            static_cast<std::uint32_t>(std::uint64_t{segment} * member_count / segments);
        plan.owner_of.push_back(star ? first : (first + slice) % member_count);
    }
    return plan;
}

}  // namespace starling
