// What all members of an attempt derive alike, and that sharing it changes nothing.
#include "core/sl/round_plan.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/params/segment_set.hpp"
#include "core/params/segments.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {
namespace {

/// A model of `size` segments.
RoundPlanKey key_of(std::uint32_t members, std::uint64_t size, ExchangePlan exchange) {
    std::vector<RoundMember> all;
    for (std::uint32_t i = 0; i < members; ++i) {
        const std::string digits = std::to_string(i);
        all.push_back({.id = {"sl" + std::string(5 - digits.size(), '0') + digits},
                       .weight = i % 7 == 3 ? 0U : 1U,
                       .merges = i % 5 != 2});
    }
    return {std::move(all), {}, size * segment_bytes, 3, exchange};
}

TEST(RoundPlan, TwoMembersArePartnersIfSegmentsGoBetweenThem) {
    for (const ExchangePlan exchange :
         {ExchangePlan::star, ExchangePlan::butterfly, ExchangePlan::tree}) {
        for (const std::uint32_t members : {2U, 9U, 40U}) {
            const RoundPlan plan = make_round_plan(key_of(members, 12, exchange));
            std::vector<std::set<std::uint32_t>> partners;
            for (std::uint32_t member = 0; member < members; ++member) {
                const auto of = plan.partners_of(member, members);
                EXPECT_TRUE(std::is_sorted(of.begin(), of.end()));
                partners.emplace_back(of.begin(), of.end());
            }
            for (std::uint32_t member = 0; member < members; ++member) {
                EXPECT_FALSE(partners[member].contains(member));
                for (const std::uint32_t partner : partners[member]) {
                    EXPECT_TRUE(partners[partner].contains(member)) << member << " " << partner;
                }
                for (std::uint32_t segment = 0; segment < 12; ++segment) {
                    const std::uint32_t owner = plan.merge.owner_of[segment];
                    EXPECT_TRUE(owner == member ||
                                partners[member].contains(plan.merge.source_of(segment, member)));
                    EXPECT_TRUE(owner == member || member % 7 == 3 ||
                                partners[owner].contains(member));
                }
            }
        }
    }
}

TEST(RoundPlan, TheConnectionsOfATreeAreBoundedByItsOwnersAndRelays) {
    constexpr std::uint32_t members = 5000;
    const RoundPlan plan = make_round_plan(key_of(members, 171, ExchangePlan::automatic));
    EXPECT_EQ(plan.merge.kind, ExchangePlan::tree);
    EXPECT_EQ(tree_owners_max(members), 8U);
    EXPECT_LE(plan.owned.size(), 12U);
    std::uint64_t connections = 0;
    for (std::uint32_t member = 0; member < members; ++member) {
        connections += plan.partners_of(member, members).size();
    }
    EXPECT_LE(connections / 2, 2 * tree_connections);
    // Each owns as much as the others, but for the segments of members that do not merge.
    std::size_t owned = 0;
    for (const auto& [owner, slice] : plan.owned) {
        owned += slice.size();
        EXPECT_LE(slice.size(), 22U);
    }
    EXPECT_EQ(owned, 171U);
}

TEST(RoundPlan, OthersOwnAndPassOnSegmentsOfALargeTreeAfterSomeRounds) {
    RoundPlanKey key = key_of(5000, 171, ExchangePlan::automatic);
    const RoundPlan plan = make_round_plan(key);
    ++key.round;
    EXPECT_EQ(make_round_plan(key).merge.owner_of, plan.merge.owner_of);
    key.round += steady_tree_rounds;
    const RoundPlan next = make_round_plan(key);
    EXPECT_NE(plan.merge.owner_of, next.merge.owner_of);
    EXPECT_NE(plan.merge.relays, next.merge.relays);
}

TEST(SharedRounds, TheSameFrozenMembersHaveOnePlan) {
    SharedRounds shared;
    const RoundPlanKey key = key_of(40, 12, ExchangePlan::tree);
    const auto plan = shared.plan(key);
    EXPECT_EQ(shared.plan(key), plan);
    RoundPlanKey later = key;
    ++later.round;
    EXPECT_NE(shared.plan(later), plan);
    EXPECT_EQ(shared.plan(key)->merge.owner_of, make_round_plan(key).merge.owner_of);
}

TEST(SharedRounds, AViewIsSoundForOneIfItIsForAll) {
    SharedRounds shared;
    ContractView view;
    view.phase = ContractPhase::exchanging;
    view.frozen = {{.id = {"a"}}, {.id = {"b"}}};
    EXPECT_TRUE(shared.is_sound_view(view));
    EXPECT_TRUE(shared.is_sound_view(view));
    view.departed = {{"d"}, {"c"}};
    EXPECT_FALSE(shared.is_sound_view(view)) << "another view with the same members";
    view.departed.clear();
    view.frozen = {{.id = {"b"}}, {.id = {"a"}}};
    EXPECT_FALSE(shared.is_sound_view(view));
    EXPECT_FALSE(shared.is_sound_view(view)) << "what is not sound is not taken later either";
}

TEST(SharedRounds, ViewsWithOtherHoldersOfAModelAreOtherViews) {
    SharedRounds shared;
    ContractView view;
    view.phase = ContractPhase::gathering;
    EXPECT_TRUE(shared.is_sound_view(view));
    const auto without = shared.copy_of(view);
    view.holders = {{.id = {"a"}}, {.id = {"b"}}};
    EXPECT_TRUE(shared.is_sound_view(view));
    EXPECT_EQ(shared.copy_of(view)->holders, view.holders);
    EXPECT_NE(shared.copy_of(view), without);
    view.holders = {{.id = {"b"}}, {.id = {"a"}}};
    EXPECT_FALSE(shared.is_sound_view(view));
}

TEST(SharedRounds, JoinedMembersAreThoseOfBoth) {
    SharedRounds shared;
    const MemberList a{{.id = {"a"}}, {.id = {"c"}}};
    const MemberList b{{.id = {"b"}}};
    EXPECT_EQ(shared.all_of(a, b), joined(a, b));
    EXPECT_TRUE(shared.all_of(a, b).is_copy_of(shared.all_of(a, b)));
    EXPECT_EQ(shared.all_of(a, {}), a);
}

TEST(MemberList, OfAllItsPartsIsTheListItself) {
    const MemberList list{
        {.id = {"a"}}, {.id = {"b"}, .merges = false}, {.id = {"c"}}, {.id = {"d"}}};
    const std::vector<MemberList> parts{list.part(0, 1), list.part(1, 2), list.part(3, 1)};
    EXPECT_EQ(parts[1], (MemberList{{.id = {"b"}, .merges = false}, {.id = {"c"}}}));
    EXPECT_TRUE(parts[0].all_merge() && !parts[1].all_merge());
    EXPECT_EQ(parts[1].index_of({"c"}), 1U);
    EXPECT_EQ(parts[1].find({"d"}), nullptr);
    EXPECT_TRUE(MemberList::of_parts(parts).is_copy_of(list));
    EXPECT_EQ(MemberList::of_parts({parts[0], parts[2]}),
              (MemberList{{.id = {"a"}}, {.id = {"d"}}}));
    EXPECT_EQ(MemberList::of_parts({parts[0], parts[1]}).size(), 3U) << "its end is missing";
    EXPECT_EQ(MemberList::of_parts({parts[1], parts[2]}).size(), 3U) << "its beginning is";
    const MemberList other{{.id = {"b"}}, {.id = {"c"}}, {.id = {"d"}}};
    EXPECT_FALSE(MemberList::of_parts({parts[0], other}).is_copy_of(list));
    EXPECT_EQ(MemberList::of_parts({parts[0], other}).size(), 4U);
    EXPECT_TRUE(MemberList::of_parts({}).empty());
}

TEST(MemberList, KnowsWhetherAllMembersMerge) {
    EXPECT_TRUE(MemberList().all_merge());
    MemberList members{{.id = {"a"}}, {.id = {"b"}}};
    EXPECT_TRUE(members.all_merge());
    members = {{.id = {"a"}}, {.id = {"b"}, .merges = false}};
    EXPECT_FALSE(members.all_merge());
    members.set_address({"a"}, {"127.0.0.1", 1});
    EXPECT_FALSE(members.all_merge());
}

TEST(SegmentSet, HasWhatAnOrdinarySetHas) {
    Random random(5);
    SegmentSet set;
    std::set<std::uint32_t> expected;
    for (int step = 0; step < 20'000; ++step) {
        const auto segment = static_cast<std::uint32_t>(random.below(60));
        if (random.chance(0.5)) {
            EXPECT_EQ(set.insert(segment), expected.insert(segment).second);
        } else {
            EXPECT_EQ(set.erase(segment), expected.erase(segment) > 0);
        }
        ASSERT_EQ(set.size(), expected.size());
        ASSERT_EQ(set.empty(), expected.empty());
        ASSERT_EQ(set.contains(segment), expected.contains(segment));
        std::set<std::uint32_t> listed;
        for (const SegmentSet::Range& range : set.ranges()) {
            ASSERT_LT(range.begin, range.end);
            for (std::uint32_t one = range.begin; one < range.end; ++one) {
                listed.insert(listed.end(), one);
            }
        }
        ASSERT_EQ(listed, expected);
        if (!expected.empty()) {
            ASSERT_EQ(set.front(), *expected.begin());
            ASSERT_EQ(set.back(), *expected.rbegin());
        }
    }
}

}  // namespace
}  // namespace starling
