#include "core/sl/round_plan.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/base/invariant.hpp"

namespace starling {
namespace {

/// All members of the round's first attempt.
std::vector<PlanMember> plan_members(const RoundPlanKey& key) {
    std::vector<PlanMember> members;
    members.reserve(key.members.size() + key.departed.size());
    auto departed = key.departed.begin();
    for (const RoundMember& member : key.members) {
        for (; departed != key.departed.end() && *departed < member.id; ++departed) {
            members.emplace_back(PlanPart::departed);
        }
        members.emplace_back(member.merges ? PlanPart::merges : PlanPart::contributes, member.site);
    }
    for (; departed != key.departed.end(); ++departed) {
        members.emplace_back(PlanPart::departed);
    }
    return members;
}

void add_groups(RoundPlan& plan) {
    const auto groups = plan.merge.relays.size();
    plan.members_of_group.resize(groups);
    for (std::uint32_t i = 0; i < plan.merge.group_of.size(); ++i) {
        plan.members_of_group[plan.merge.group_of[i]].push_back(i);
    }
    for (std::uint32_t group = 0; group < groups; ++group) {
        std::set<std::uint32_t> servers;
        for (std::uint32_t segment = 0; segment < plan.merge.owner_of.size(); ++segment) {
            servers.insert(plan.merge.relay_of(segment, group));
        }
        plan.servers.emplace_back(servers.begin(), servers.end());
    }
}

}  // namespace

RoundPlan make_round_plan(const RoundPlanKey& key) {
    RoundPlan plan;
    plan.merge =
        make_plan(plan_members(key), key.layout_bytes, key.round, key.exchange, key.segment_bytes);
    for (std::uint32_t i = 0; i < key.members.size(); ++i) {
        if (key.members[i].weight > 0) {
            plan.contributors.push_back(i);
            plan.weights.push_back(key.members[i].weight);
        }
    }
    STARLING_INVARIANT(!plan.contributors.empty(), "a round is frozen with weight only");
    for (std::uint32_t segment = 0; segment < plan.merge.owner_of.size(); ++segment) {
        plan.owned[plan.merge.owner_of[segment]].push_back(segment);
    }
    if (plan.merge.kind == ExchangePlan::tree) {
        add_groups(plan);
    }
    return plan;
}

const std::vector<std::uint32_t>& RoundPlan::owned_by(std::uint32_t member) const {
    static const std::vector<std::uint32_t> none;
    const auto found = owned.find(member);
    return found == owned.end() ? none : found->second;
}

std::vector<std::uint32_t> RoundPlan::partners_of(std::uint32_t member,
                                                  std::uint32_t member_count) const {
    std::vector<std::uint32_t> partners;
    const bool tree = merge.kind == ExchangePlan::tree;
    if (owned.contains(member) && tree) {
        partners = contributors;
    } else if (owned.contains(member)) {
        partners.resize(member_count);
        std::iota(partners.begin(), partners.end(), 0U);
    }
    // In a tree, a member without weight needs only those that pass merged segments on to it.
    if (!tree || std::binary_search(contributors.begin(), contributors.end(), member)) {
        for (const auto& [owner, segments] : owned) {
            partners.push_back(owner);
        }
    }
    if (tree) {
        add_partners_in_tree(member, partners);
    }
    std::sort(partners.begin(), partners.end());
    partners.erase(std::unique(partners.begin(), partners.end()), partners.end());
    std::erase(partners, member);
    partners.shrink_to_fit();  // they are kept during the round
    return partners;
}

/// From whom it gets merged segments, and who gets them from it.
void RoundPlan::add_partners_in_tree(std::uint32_t member,
                                     std::vector<std::uint32_t>& partners) const {
    const std::uint32_t group = merge.group_of[member];
    const std::vector<std::uint32_t>& serving = servers[group];
    partners.insert(partners.end(), serving.begin(), serving.end());
    if (!std::binary_search(serving.begin(), serving.end(), member)) {
        return;
    }
    partners.insert(partners.end(), members_of_group[group].begin(), members_of_group[group].end());
    for (std::uint32_t segment = 0; segment < merge.owner_of.size(); ++segment) {
        if (merge.relay_of(segment, group) == member) {
            partners.push_back(merge.owner_of[segment]);
        }
    }
    for (const std::uint32_t segment : owned_by(member)) {
        for (std::uint32_t other = 0; other < merge.relays.size(); ++other) {
            partners.push_back(merge.relay_of(segment, other));
        }
    }
}

}  // namespace starling
