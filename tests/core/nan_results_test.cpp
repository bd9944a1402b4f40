// Segments merged from contributions with NaN of both signs and several payloads, and with
// infinities whose sum is NaN: by every rule each vector unit makes the same bits, with one NaN.
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/merge/merge_segment.hpp"
#include "tests/support/merge_inputs.hpp"

namespace starling::test {
namespace {

using NanResults = EveryVectorUnit;

/// A floating type, by the bits of some of its values.
template <DType Type, auto Infinity, auto QuietNan, auto One>
struct FloatBits {
    using Bits = decltype(One);
    static constexpr DType dtype = Type;
    static constexpr Bits infinity = Infinity;
    static constexpr Bits quiet_nan = QuietNan;
    static constexpr Bits one = One;
};
using F32 = FloatBits<DType::f32, std::uint32_t{0x7f800000}, std::uint32_t{0x7fc00000},
                      std::uint32_t{0x3f800000}>;
using F64 = FloatBits<DType::f64, std::uint64_t{0x7ff0000000000000},
                      std::uint64_t{0x7ff8000000000000}, std::uint64_t{0x3ff0000000000000}>;
using F16 =
    FloatBits<DType::f16, std::uint16_t{0x7c00}, std::uint16_t{0x7e00}, std::uint16_t{0x3c00}>;
using BF16 =
    FloatBits<DType::bf16, std::uint16_t{0x7f80}, std::uint16_t{0x7fc0}, std::uint16_t{0x3f80}>;

constexpr std::size_t element_count = 77;

/// Numbers in [1, 2), of both signs, with NaN and infinities in the share `rare` of the elements.
template <typename Type>
Blob drawn(Random& random, double rare) {
    using Bits = typename Type::Bits;
    constexpr auto sign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
    constexpr auto quiet = Type::quiet_nan;
    const Bits special[] = {quiet, static_cast<Bits>(quiet | 1U), static_cast<Bits>(quiet | 3U),
                            static_cast<Bits>(Type::infinity | 1U), Type::infinity};
    Bytes bytes(element_count * sizeof(Bits));
    for (std::size_t i = 0; i < element_count; ++i) {
        const auto fraction = static_cast<Bits>(random.uniform() * 0x40);
        auto bits = static_cast<Bits>(Type::one | fraction);
        if (random.chance(rare)) {
            bits = special[static_cast<std::size_t>(random.uniform() * std::size(special))];
        }
        bits = random.chance(0.5) ? static_cast<Bits>(bits | sign) : bits;
        std::memcpy(bytes.data() + i * sizeof(Bits), &bits, sizeof bits);
    }
    return Blob(std::move(bytes));
}

template <typename Type>
MergeWork work_of(std::size_t members, double rare, bool equal_weights) {
    MergeWork work;
    work.layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"w", Type::dtype, {static_cast<std::int64_t>(element_count)}}}));
    work.non_finite = NonFinitePolicy::allow;
    Random random(members);
    for (std::size_t k = 0; k < members; ++k) {
        work.contributions.push_back(drawn<Type>(random, rare));
        work.weights.push_back(equal_weights ? 1 : static_cast<std::uint32_t>(k * 37 % 100 + 1));
    }
    return work;
}

/// Expects the same bits of every vector unit, and each NaN to be the canonical one.
/// \return  how many elements are NaN, of all units together
template <typename Type>
std::size_t expect_one_result(MergeWork work, const std::string& where) {
    using Bits = typename Type::Bits;
    constexpr Bits magnitude = std::numeric_limits<std::make_signed_t<Bits>>::max();
    std::vector<Bits> first;
    std::size_t nans = 0;
    for (const VectorUnit unit : vector_units()) {
        use_vector_unit(unit);
        const Blob merged = merge_segment(work).merged;
        std::vector<Bits> bits(element_count);
        std::memcpy(bits.data(), merged.view().data(), merged.size());
        first = first.empty() ? bits : first;
        EXPECT_EQ(bits, first) << where << ", " << to_string(unit);
        for (const Bits element : bits) {
            const bool is_nan = (element & magnitude) > Type::infinity;
            nans += is_nan ? 1 : 0;
            EXPECT_TRUE(!is_nan || element == Type::quiet_nan)
                << where << ", " << to_string(unit) << ": " << std::hex << element;
        }
    }
    return nans;
}

template <typename Type>
void expect_all_equal() {
    for (const MergeRuleRow& row : merge_rules()) {
        for (std::size_t members = 2; members <= 33; ++members) {
            for (const double rare : {0.01, 0.4, 1.0}) {
                for (const bool equal_weights : {true, false}) {
                    MergeWork work = work_of<Type>(members, rare, equal_weights);
                    work.method = row.rule;
                    const std::string where = std::string(row.name) + " of " +
                                              std::to_string(members) + ", share " +
                                              std::to_string(rare);
                    const std::size_t nans = expect_one_result<Type>(work, where);
                    EXPECT_TRUE(rare < 1.0 || row.name != "mean" || nans > 0) << where;
                    if (testing::Test::HasFailure()) {
                        return;
                    }
                }
            }
        }
    }
}

/// Of two equal contributions the mean is the same number.
template <typename Type>
void expect_only_nan_changes() {
    using Bits = typename Type::Bits;
    constexpr auto sign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
    const std::vector<Bits> numbers = {Type::one,
                                       static_cast<Bits>(Type::one | sign),
                                       Type::infinity,
                                       static_cast<Bits>(Type::infinity | sign),
                                       sign,
                                       1,
                                       static_cast<Bits>(sign | 1U),
                                       static_cast<Bits>(Type::quiet_nan | sign | 5U)};
    std::vector<Bits> wanted = numbers;
    wanted[4] = 0;  // a sum begins at +0
    wanted.back() = Type::quiet_nan;
    MergeWork work;
    work.non_finite = NonFinitePolicy::allow;
    work.layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"w", Type::dtype, {static_cast<std::int64_t>(numbers.size())}}}));
    const auto* const data = reinterpret_cast<const std::byte*>(numbers.data());
    const Blob blob(Bytes(data, data + numbers.size() * sizeof(Bits)));
    work.contributions = {blob, blob};
    work.weights = {1, 1};
    const Blob merged = merge_segment(work).merged;
    std::vector<Bits> bits(numbers.size());
    std::memcpy(bits.data(), merged.view().data(), merged.size());
    EXPECT_EQ(bits, wanted);
}

TEST_F(NanResults, NumbersAndInfinitiesKeepTheirBits) {
    expect_only_nan_changes<F32>();
    expect_only_nan_changes<F64>();
    expect_only_nan_changes<F16>();
    expect_only_nan_changes<BF16>();
}

TEST_F(NanResults, OfF32AreEqualOnAllVectorUnits) { expect_all_equal<F32>(); }
TEST_F(NanResults, OfF64AreEqualOnAllVectorUnits) { expect_all_equal<F64>(); }
TEST_F(NanResults, OfF16AreEqualOnAllVectorUnits) { expect_all_equal<F16>(); }
TEST_F(NanResults, OfBf16AreEqualOnAllVectorUnits) { expect_all_equal<BF16>(); }

}  // namespace
}  // namespace starling::test
