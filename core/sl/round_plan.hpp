#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/ledger/member_list.hpp"
#include "core/merge/plan.hpp"

namespace starling {

/// What all members of an attempt derive alike from the view in which it is frozen. Members are
/// indices into the attempt's members, ascending by id. Immutable.
struct RoundPlan {
    MergePlan merge;
    std::vector<std::uint32_t> contributors;  ///< members with weight, ascending
    std::vector<std::uint32_t> weights;       ///< of the contributors
    /// The segments of each member that owns some, ascending.
    std::map<std::uint32_t, std::vector<std::uint32_t>> owned;
    /// Of a tree: for each group the members that serve segments to the others of it, ascending.
    std::vector<std::vector<std::uint32_t>> servers;
    std::vector<std::vector<std::uint32_t>> members_of_group;

    /// Ascending; empty: it owns none.
    const std::vector<std::uint32_t>& owned_by(std::uint32_t member) const;
    /// Those that the member sends segments to, or that send some to it; ascending.
    std::vector<std::uint32_t> partners_of(std::uint32_t member, std::uint32_t member_count) const;

private:
    void add_partners_in_tree(std::uint32_t member, std::vector<std::uint32_t>& partners) const;
};

struct RoundPlanKey {
    MemberList members;
    std::vector<NodeId> departed;  ///< see ContractView
    std::uint64_t layout_bytes = 0;
    std::uint64_t round = 0;
    ExchangePlan exchange = ExchangePlan::automatic;
    std::uint64_t segment_bytes = starling::segment_bytes;  ///< see ParamLayout

    friend bool operator==(const RoundPlanKey&, const RoundPlanKey&) = default;
};

/// \pre one of the members merges, and one has weight.
RoundPlan make_round_plan(const RoundPlanKey& key);

}  // namespace starling
