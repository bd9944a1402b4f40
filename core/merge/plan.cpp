#include "core/merge/plan.hpp"

#include <algorithm>

#include "core/base/invariant.hpp"
#include "core/params/segments.hpp"

namespace starling {

MergePlan make_plan(const std::vector<PlanMember>& members, std::uint64_t layout_bytes,
                    std::uint64_t round) {
    const std::uint64_t first_count = members.size();
    std::vector<std::uint32_t> index_now(members.size(), 0);
    std::vector<std::uint32_t> owners;
    std::uint32_t present = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        index_now[i] = present;
        if (members[i] == PlanMember::merges) {
            owners.push_back(present);
        }
        present += members[i] == PlanMember::departed ? 0U : 1U;
    }
    STARLING_INVARIANT(!owners.empty(), "a frozen round has a member that merges");
    MergePlan plan;
    const std::uint32_t segments = segment_count(layout_bytes);
    const std::uint64_t first = round % first_count;
    const bool star = layout_bytes < star_bytes_per_member * first_count;
    plan.owner_of.reserve(segments);
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        // Neighbouring segments have one owner, so a member asks each owner for one range.
        const std::uint64_t slice = star ? 0 : std::uint64_t{segment} * first_count / segments;
        const std::uint64_t owner = (first + slice) % first_count;
        if (members[owner] == PlanMember::merges) {
            plan.owner_of.push_back(index_now[owner]);
            continue;
        }
        // Its slice is spread over those that merge.
        const std::uint64_t begin = (slice * segments + first_count - 1) / first_count;
        const std::uint64_t end = ((slice + 1) * segments + first_count - 1) / first_count;
        const std::uint64_t share =
            star ? 0 : (segment - begin) * owners.size() / std::max<std::uint64_t>(end - begin, 1);
        plan.owner_of.push_back(owners[(owner + share) % owners.size()]);
    }
    return plan;
}

std::uint64_t busiest_member_bytes(std::uint64_t member_count, std::uint64_t layout_bytes) {
    const std::uint64_t owners =
        layout_bytes < star_bytes_per_member * member_count
            ? 1
            : std::min<std::uint64_t>(member_count, segment_count(layout_bytes));
    const std::uint64_t owned = (layout_bytes + owners - 1) / owners;  // and its contributions
    return (member_count - 1) * owned + (layout_bytes - owned);
}

MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round) {
    return make_plan(std::vector<PlanMember>(member_count, PlanMember::merges), layout_bytes,
                     round);
}

}  // namespace starling
