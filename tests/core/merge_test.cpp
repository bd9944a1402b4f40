#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "core/merge/finite.hpp"
#include "core/merge/half.hpp"
#include "core/merge/kernels/vector_unit.hpp"
#include "core/merge/merge_segment.hpp"
#include "core/merge/plan.hpp"

namespace starling::test {
namespace {

template <typename T>
Blob blob_of(const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return Blob(Bytes(bytes.begin(), bytes.end()));
}
template <typename T>
std::vector<T> values_of(const Blob& blob) {
    std::vector<T> values(blob.size() / sizeof(T));
    std::memcpy(values.data(), blob.view().data(), blob.size());
    return values;
}
MergeWork work_of(std::vector<TensorSpec> tensors, std::vector<Blob> blobs,
                  std::vector<std::uint32_t> weights) {
    return {std::make_shared<const ParamLayout>(*ParamLayout::make(std::move(tensors))), 0,
            MergeRule::mean, std::move(blobs), std::move(weights)};
}

TEST(MergeSegment, AveragesFloatsAndTakesCountersFromTheLowestNode) {
    const MergeWork work = work_of({{"n", DType::i64, {1}}, {"w", DType::f32, {2}}},
                                   {[] {
                                        Bytes b(16);
                                        const std::int64_t n = 100;
                                        const float w[2] = {1.0F, -2.0F};
                                        std::memcpy(b.data(), &n, 8);
                                        std::memcpy(b.data() + 8, w, 8);
                                        return Blob(b);
                                    }(),
                                    [] {
                                        Bytes b(16);
                                        const std::int64_t n = 999;
                                        const float w[2] = {4.0F, 4.0F};
                                        std::memcpy(b.data(), &n, 8);
                                        std::memcpy(b.data() + 8, w, 8);
                                        return Blob(b);
                                    }()},
                                   {2, 1});
    const MergeResult result = merge_segment(work);
    std::int64_t n = 0;
    float w[2];
    std::memcpy(&n, result.merged.view().data(), 8);
    std::memcpy(w, result.merged.view().data() + 8, 8);
    EXPECT_EQ(n, 100);
    EXPECT_EQ(w[0], 2.0F);
    EXPECT_EQ(w[1], 0.0F);
}

TEST(MergeSegment, PreservesHalfTypes) {
    const std::vector<std::uint16_t> a = {f32_to_f16(1.0F), f32_to_f16(65504.0F)};
    const std::vector<std::uint16_t> b = {f32_to_f16(2.0F), f32_to_f16(65504.0F)};
    const auto merged = values_of<std::uint16_t>(
        merge_segment(work_of({{"w", DType::f16, {2}}}, {blob_of(a), blob_of(b)}, {1, 1})).merged);
    EXPECT_EQ(f16_to_f32(merged[0]), 1.5F);
    EXPECT_EQ(f16_to_f32(merged[1]), 65504.0F);
}

TEST(MergeSegment, ASegmentMayStartInsideATensor) {
    const std::size_t elements = segment_bytes / 4 + 10;
    const auto layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"w", DType::f32, {static_cast<std::int64_t>(elements)}}}));
    const std::vector<float> a(10, 1.0F);
    const std::vector<float> b(10, 3.0F);
    const MergeResult result =
        merge_segment({layout, 1, MergeRule::mean, {blob_of(a), blob_of(b)}, {1, 1}});
    EXPECT_EQ(values_of<float>(result.merged), std::vector<float>(10, 2.0F));
}

TEST(MergeSegment, PhantomsMergeToAPhantom) {
    const MergeResult result = merge_segment(
        work_of({{"w", DType::f32, {4}}}, {Blob::phantom(16), Blob::phantom(16)}, {1, 1}));
    EXPECT_TRUE(result.merged.is_phantom());
    EXPECT_EQ(result.merged.size(), 16U);
}

MergeWork with_policy(NonFinitePolicy policy, std::vector<Blob> blobs) {
    std::vector<std::uint32_t> weights(blobs.size(), 1);
    MergeWork work = work_of({{"w", DType::f32, {2}}}, std::move(blobs), std::move(weights));
    work.non_finite = policy;
    return work;
}

TEST(MergeSegment, ExcludesNonFiniteContributions) {
    const Blob one = blob_of(std::vector<float>{1.0F, 2.0F});
    const Blob three = blob_of(std::vector<float>{3.0F, 6.0F});
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
        const Blob broken = blob_of(std::vector<float>{5.0F, bad});
        const MergeResult result =
            merge_segment(with_policy(NonFinitePolicy::refuse, {one, broken, three}));
        EXPECT_EQ(values_of<float>(result.merged), (std::vector<float>{2.0F, 4.0F}));
        EXPECT_EQ(result.non_finite, std::vector<std::uint32_t>{1});
    }
}

TEST(MergeSegment, PolicyWarnMergesNonFiniteContributionsAndNamesThem) {
    const Blob one = blob_of(std::vector<float>{1.0F, 2.0F});
    const Blob broken = blob_of(std::vector<float>{3.0F, INFINITY});
    const MergeResult warned = merge_segment(with_policy(NonFinitePolicy::warn, {one, broken}));
    EXPECT_EQ(values_of<float>(warned.merged), (std::vector<float>{2.0F, INFINITY}));
    EXPECT_EQ(warned.non_finite, std::vector<std::uint32_t>{1});
    const MergeResult allowed = merge_segment(with_policy(NonFinitePolicy::allow, {one, broken}));
    EXPECT_EQ(values_of<float>(allowed.merged), (std::vector<float>{2.0F, INFINITY}));
    EXPECT_TRUE(allowed.non_finite.empty());
}

TEST(MergeSegment, WithoutAnyFiniteContributionAllAreNamed) {
    const Blob broken = blob_of(std::vector<float>{3.0F, INFINITY});
    const MergeResult result =
        merge_segment(with_policy(NonFinitePolicy::refuse, {broken, broken}));
    EXPECT_EQ(result.non_finite, (std::vector<std::uint32_t>{0, 1}));
}

TEST(MergeSegment, ExcludesFiniteValuesWhoseSumOverflows) {
    const Blob one = blob_of(std::vector<double>{1.0, 2.0});
    const Blob huge = blob_of(std::vector<double>{1.0, std::numeric_limits<double>::max()});
    MergeWork work = work_of({{"w", DType::f64, {2}}}, {one, huge}, {1, 100});
    const MergeResult result = merge_segment(work);
    EXPECT_EQ(values_of<double>(result.merged), (std::vector<double>{1.0, 2.0}));
    EXPECT_EQ(result.non_finite, std::vector<std::uint32_t>{1});
}

TEST(MergeSegment, TheLargestValuesOfOtherTypesHaveAFiniteMean) {
    const Blob single = blob_of(std::vector<std::uint32_t>{0x7f7fffff, 0xff7fffff});
    const Blob half = blob_of(std::vector<std::uint16_t>{0x7bff, 0xfbff});
    const Blob brain = blob_of(std::vector<std::uint16_t>{0x7f7f, 0xff7f});
    const auto expect_unchanged = [](DType dtype, const Blob& blob) {
        const MergeResult result =
            merge_segment(work_of({{"w", dtype, {2}}}, {blob, blob, blob}, {1, 100, 37}));
        EXPECT_EQ(to_hex(result.merged.view()), to_hex(blob.view())) << to_string(dtype);
        EXPECT_TRUE(result.non_finite.empty()) << to_string(dtype);
    };
    expect_unchanged(DType::f32, single);
    expect_unchanged(DType::f16, half);
    expect_unchanged(DType::bf16, brain);
}

/// Bits of NaN, infinity and the largest finite value.
template <typename Raw>
void expect_finite_until(DType dtype, std::vector<Raw> non_finite, Raw largest) {
    const ParamLayout layout = *ParamLayout::make({{"a", dtype, {2}}, {"b", dtype, {3}}});
    for (const Raw bits : non_finite) {
        const Blob blob = blob_of(std::vector<Raw>{largest, largest, 0, 0, bits});
        EXPECT_TRUE(holds_non_finite(layout, 0, blob)) << to_string(dtype) << " " << bits;
        EXPECT_EQ(first_non_finite_tensor(layout, 0, blob), "b");
    }
    EXPECT_FALSE(holds_non_finite(layout, 0, blob_of(std::vector<Raw>(5, largest))));
}

TEST(NonFiniteValues, AreDetectedInEveryFloatingTypeAndInNoInteger) {
    expect_finite_until<std::uint32_t>(DType::f32, {0x7fc00000, 0x7f800000, 0xff800000},
                                       0x7f7fffff);
    expect_finite_until<std::uint64_t>(DType::f64,
                                       {0x7ff8000000000000, 0x7ff0000000000000, 0xfff0000000000000},
                                       0x7e6fffffffffffff);  // from 2^1000 on: see finite.hpp
    expect_finite_until<std::uint16_t>(DType::f16, {0x7e00, 0x7c00, 0xfc00}, 0x7bff);
    expect_finite_until<std::uint16_t>(DType::bf16, {0x7fc0, 0x7f80, 0xff80}, 0x7f7f);
    const ParamLayout counters = *ParamLayout::make({{"n", DType::i32, {2}}});
    EXPECT_FALSE(
        holds_non_finite(counters, 0, blob_of(std::vector<std::uint32_t>{0x7fc00000, 0x7f800000})));
}

/// Behind a whole number of vectors, in each place of a vector, in the first and in a later block.
TEST(NonFiniteValues, AreDetectedAtEveryPlaceByEveryVectorUnit) {
    constexpr std::uint32_t count = 3'001;
    const ParamLayout layout = *ParamLayout::make({{"w", DType::f32, {count}}});
    std::vector<std::uint32_t> bits(count, 0xff7fffff);
    for (const VectorUnit unit : vector_units()) {
        use_vector_unit(unit);
        EXPECT_FALSE(holds_non_finite(layout, 0, blob_of(bits))) << to_string(unit);
        for (std::uint32_t at = 0; at < count; at += at % 1000 < 70 ? 1 : 13) {
            bits[at] = 0x7f800000;
            EXPECT_TRUE(holds_non_finite(layout, 0, blob_of(bits))) << to_string(unit) << " " << at;
            bits[at] = 0x80000001;  // a subnormal number
        }
        EXPECT_FALSE(holds_non_finite(layout, 0, blob_of(bits))) << to_string(unit);
    }
    use_vector_unit(vector_units().back());
}

TEST(Half, EveryBinary16ValueSurvivesConversionToBinary32AndBack) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float value = f16_to_f32(half);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
        } else {
            ASSERT_EQ(f32_to_f16(value), half) << bits;
        }
        const float brain = bf16_to_f32(half);
        if (!std::isnan(brain)) {
            ASSERT_EQ(f32_to_bf16(brain), half) << bits;
        }
    }
}

TEST(Half, RoundsToNearestEven) {
    EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), f32_to_f16(1.0F));                // tie, down to even
    EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), f32_to_f16(1.0F + 0x1p-9F));  // tie, up to even
    EXPECT_EQ(f16_to_f32(f32_to_f16(65520.0F)), INFINITY);
    EXPECT_EQ(f16_to_f32(f32_to_f16(65519.0F)), 65504.0F);
    EXPECT_EQ(f32_to_f16(0x1p-25F), 0);  // tie, down to even zero
    EXPECT_EQ(f16_to_f32(f32_to_f16(0x1.8p-25F)), 0x1p-24F);
}

TEST(MergePlan, SpreadsOwnersEvenlyForLargeModels) {
    const MergePlan plan = make_plan(4, 64 * segment_bytes, 0);
    std::array<int, 4> owned{};
    for (const std::uint32_t owner : plan.owner_of) {
        ++owned.at(owner);
    }
    EXPECT_EQ(owned, (std::array<int, 4>{16, 16, 16, 16}));
}

TEST(MergePlan, SmallModelsHaveOneRotatingOwner) {
    for (std::uint64_t round = 0; round < 8; ++round) {
        const MergePlan plan = make_plan(8, segment_bytes, round);
        EXPECT_EQ(plan.owner_of, std::vector<std::uint32_t>{static_cast<std::uint32_t>(round % 8)});
    }
}

TEST(MergePlan, AContractForcesThePlan) {
    const MergePlan star = make_plan(4, 64 * segment_bytes, 1, ExchangePlan::star);
    EXPECT_EQ(star.kind, ExchangePlan::star);
    EXPECT_EQ(star.owner_of, std::vector<std::uint32_t>(64, 1));
    const MergePlan butterfly = make_plan(2, segment_bytes, 0, ExchangePlan::butterfly);
    EXPECT_EQ(butterfly.kind, ExchangePlan::butterfly);
    EXPECT_EQ(butterfly.text(), "butterfly, since the contract selects it");
    EXPECT_EQ(make_plan(2, 64 * segment_bytes, 0).text(),
              "butterfly, since 17 MB are at least 131 kB for each of 2 members");
    EXPECT_EQ(make_plan(8, segment_bytes, 0).text(),
              "star, since 262 kB are less than 131 kB for each of 8 members");
    EXPECT_EQ(busiest_member_bytes(4, 64 * segment_bytes, ExchangePlan::star),
              3 * 64 * segment_bytes);
    EXPECT_FALSE(parse_exchange_plan("ring"));
}

using enum PlanPart;

TEST(MergePlan, MembersThatOnlyContributeOwnNothing) {
    const MergePlan all = make_plan(4, 64 * segment_bytes, 0);
    const MergePlan plan =
        make_plan({contributes, merges, contributes, merges}, 64 * segment_bytes, 0);
    std::array<int, 4> owned{};
    for (std::size_t segment = 0; segment < 64; ++segment) {
        const std::uint32_t before = all.owner_of[segment];
        ++owned.at(plan.owner_of[segment]);
        EXPECT_TRUE(before % 2 == 0 || plan.owner_of[segment] == before) << segment;
    }
    EXPECT_EQ(owned, (std::array<int, 4>{0, 32, 0, 32}));
    // In a star topology, the owner of a round rotates among those that merge.
    EXPECT_EQ(make_plan({contributes, merges, contributes}, segment_bytes, 2).owner_of,
              std::vector<std::uint32_t>{1});
}

TEST(MergePlan, KeepsOwnersWhenAMemberLeaves) {
    const MergePlan all = make_plan(4, 64 * segment_bytes, 0);
    const MergePlan without = make_plan({merges, departed, merges, merges}, 64 * segment_bytes, 0);
    std::array<int, 3> inherited{};
    for (std::size_t segment = 0; segment < 64; ++segment) {
        const std::uint32_t before = all.owner_of[segment];
        const std::uint32_t now = without.owner_of[segment];
        if (before == 1) {
            ++inherited.at(now);
        } else {
            EXPECT_EQ(now, before < 1 ? before : before - 1) << segment;
        }
    }
    for (const int count : inherited) {
        EXPECT_GE(count, 5);
        EXPECT_LE(count, 6);
    }
}

TEST(MergePlan, WhenTheOnlyOwnerLeavesARemainingMemberTakesItsSegments) {
    const MergePlan plan = make_plan({merges, merges, departed}, segment_bytes, 2);
    EXPECT_EQ(plan.owner_of, std::vector<std::uint32_t>{0});
}

/// How many members of each group get the segment from outside of it.
std::vector<int> from_outside(const MergePlan& plan, std::uint32_t segment) {
    std::vector<int> count(plan.relays.size(), 0);
    for (std::uint32_t member = 0; member < plan.group_of.size(); ++member) {
        if (member == plan.owner_of[segment]) {
            continue;
        }
        const std::uint32_t source = plan.source_of(segment, member);
        EXPECT_NE(source, member);
        count[plan.group_of[member]] += plan.group_of[source] != plan.group_of[member] ? 1 : 0;
    }
    return count;
}

TEST(MergePlan, ATreeSendsEachSegmentOnceToEachGroup) {
    for (std::uint64_t round = 0; round < 3; ++round) {
        const MergePlan plan = make_plan(9, 18 * segment_bytes, round, ExchangePlan::tree);
        EXPECT_EQ(plan.group_of, (std::vector<std::uint32_t>{0, 0, 0, 1, 1, 1, 2, 2, 2}));
        EXPECT_EQ(plan.text(), "tree of 3 groups, since the contract selects it");
        EXPECT_EQ(plan.owner_of,
                  make_plan(9, 18 * segment_bytes, round, ExchangePlan::butterfly).owner_of);
        std::array<int, 9> relayed{};
        for (std::uint32_t segment = 0; segment < 18; ++segment) {
            std::vector<int> expected(3, 1);
            expected[plan.group_of[plan.owner_of[segment]]] = 0;
            EXPECT_EQ(from_outside(plan, segment), expected) << segment;
            for (std::uint32_t group = 0; group < 3; ++group) {
                const std::uint32_t relay = plan.relay_of(segment, group);
                relayed.at(relay) += relay == plan.owner_of[segment] ? 0 : 1;
            }
        }
        EXPECT_EQ(relayed, (std::array<int, 9>{4, 4, 4, 4, 4, 4, 4, 4, 4}));
    }
}

TEST(MergePlan, TheGroupsOfATreeAreItsSites) {
    const MergePlan plan = make_plan(
        {{merges, "north"}, {merges, "south"}, {contributes, "north"}, {merges, "south"}, merges},
        4 * segment_bytes, 0);
    EXPECT_EQ(plan.text(), "tree of 3 groups, since 5 members are at 2 sites");
    EXPECT_EQ(plan.group_of, (std::vector<std::uint32_t>{0, 1, 0, 1, 2}));
    EXPECT_EQ(plan.relays, (std::vector<std::vector<std::uint32_t>>{{0}, {1, 3}, {4}}));
    // All at one site: that says nothing about who is near.
    const PlanMember here{merges, "north"};
    EXPECT_EQ(
        make_plan({here, here, here, here}, 4 * segment_bytes, 0, ExchangePlan::tree).group_of,
        (std::vector<std::uint32_t>{0, 0, 1, 1}));
}

TEST(MergePlan, AGroupThatMergesNothingIsServedByTheOwners) {
    const MergePlan plan =
        make_plan({{merges, "a"}, {contributes, "b"}, {contributes, "b"}}, 4 * segment_bytes, 0);
    ASSERT_EQ(plan.kind, ExchangePlan::tree);
    for (std::uint32_t segment = 0; segment < 4; ++segment) {
        EXPECT_EQ(plan.source_of(segment, 1), 0U);
        EXPECT_EQ(plan.source_of(segment, 2), 0U);
    }
}

TEST(MergePlan, OfManyMembersWithFewSegmentsIsATree) {
    EXPECT_EQ(make_plan(64, segment_bytes, 0).text(),
              "tree of 8 groups, since 64 members are more than the model's 1 segment");
    EXPECT_EQ(make_plan(64, 64 * segment_bytes, 0).kind, ExchangePlan::butterfly);
    EXPECT_EQ(make_plan(31, segment_bytes, 0).kind, ExchangePlan::star);
}

TEST(MergePlan, GroupsOfATreeStayOverAttempts) {
    const MergePlan plan =
        make_plan({merges, departed, merges, merges, merges, merges}, 6, 0, ExchangePlan::tree);
    EXPECT_EQ(plan.group_of, (std::vector<std::uint32_t>{0, 1, 1, 2, 2}));
}

}  // namespace
}  // namespace starling::test
