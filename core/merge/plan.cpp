#include "core/merge/plan.hpp"

#include <algorithm>

#include "core/base/invariant.hpp"
#include "core/params/segments.hpp"

namespace starling {

MergePlan make_plan(const std::vector<bool>& departed, std::uint64_t layout_bytes,
                    std::uint64_t round) {
    const std::uint64_t first_count = departed.size();  // members of the first attempt
    std::vector<std::uint32_t> index_now(departed.size(), 0);
    std::uint32_t present = 0;
    for (std::size_t i = 0; i < departed.size(); ++i) {
        index_now[i] = present;
        present += departed[i] ? 0U : 1U;
    }
    STARLING_INVARIANT(present >= 1, "a frozen round has members");
    MergePlan plan;
    const std::uint32_t segments = segment_count(layout_bytes);
    const std::uint64_t first = round % first_count;
    const bool star = layout_bytes < star_bytes_per_member * first_count;
    plan.owner_of.reserve(segments);
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        // Neighbouring segments have one owner, so a member asks each owner for one range.
        const std::uint64_t slice = star ? 0 : std::uint64_t{segment} * first_count / segments;
        const std::uint64_t owner = (first + slice) % first_count;
        if (!departed[owner]) {
            plan.owner_of.push_back(index_now[owner]);
            continue;
        }
        // Its slice is spread over those that are left.
        const std::uint64_t begin = (slice * segments + first_count - 1) / first_count;
        const std::uint64_t end = ((slice + 1) * segments + first_count - 1) / first_count;
        const std::uint64_t share =
            star ? 0 : (segment - begin) * present / std::max<std::uint64_t>(end - begin, 1);
        plan.owner_of.push_back(static_cast<std::uint32_t>((owner + share) % present));
    }
    return plan;
}

MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round) {
    return make_plan(std::vector<bool>(member_count, false), layout_bytes, round);
}

}  // namespace starling
