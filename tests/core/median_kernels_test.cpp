// Coordinate median and trimmed mean of numbers that vectors add or compare otherwise than
// binary64: zeros of both signs, NaN, infinity, subnormal numbers, and sums above the largest f32.
#include <algorithm>
#include <bit>
#include <limits>

#include "tests/support/merge_inputs.hpp"

namespace starling::test {
namespace {

using MedianKernels = EveryVectorUnit;

template <typename T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// Below in IEEE 754's totalOrder.
template <typename T>
bool is_below(T a, T b) {
    const auto order = [](T value) {
        constexpr BitsOf<T> sign = BitsOf<T>{1} << (8 * sizeof(T) - 1);
        const auto bits = std::bit_cast<BitsOf<T>>(value);
        return (bits & sign) != 0 ? ~bits : bits | sign;
    };
    return order(a) < order(b);
}

/// The definition, one element after the other: the mean, in binary64, of what is left without the
/// `trim` smallest and largest.
template <typename T>
T defined(const Runs<T>& runs, std::size_t i, std::size_t trim, bool starts_at_zero) {
    std::vector<T> column;
    for (std::size_t k = 0; k < runs.size(); ++k) {
        column.push_back(runs.at(k, i));
    }
    std::sort(column.begin(), column.end(), is_below<T>);
    if (column.size() - 2 * trim == 1) {
        return starts_at_zero ? column[trim] + T{0} : column[trim];
    }
    double sum = starts_at_zero ? 0.0 : -0.0;
    for (std::size_t k = trim; k < column.size() - trim; ++k) {
        sum += static_cast<double>(column[k]);
    }
    return static_cast<T>(sum / static_cast<double>(column.size() - 2 * trim));
}

template <typename T>
void expect_same(T out, T wanted, const std::string& where) {
    if (std::isnan(wanted)) {
        ASSERT_TRUE(std::isnan(out)) << where;
    } else {
        ASSERT_EQ(std::bit_cast<BitsOf<T>>(out), std::bit_cast<BitsOf<T>>(wanted)) << where;
    }
}

/// Each vector unit against the definition, and against the others to the bit.
template <typename T>
void expect_as_defined(const Runs<T>& runs, DType dtype, const std::string& what) {
    const std::size_t count = runs.size();
    const std::size_t trim = std::min((count + 3) / 4, (count - 1) / 2);
    std::vector<std::vector<T>> first;
    for (const VectorUnit unit : vector_units()) {
        use_vector_unit(unit);
        const MergeMethod rules[] = {MergeRule::coordinate_median,
                                     *parse_merge_method("trimmed-mean:beta=0.25")};
        for (std::size_t r = 0; r < std::size(rules); ++r) {
            const std::vector<T> out = merged(rules[r], runs, equal_weights(count), dtype);
            first.resize(std::max(first.size(), r + 1));
            if (first[r].empty()) {
                first[r] = out;
            }
            for (std::size_t i = 0; i < out.size(); ++i) {
                const std::string where = what + " of " + std::to_string(count) + " by rule " +
                                          std::to_string(r) + ", element " + std::to_string(i) +
                                          ", " + std::string(to_string(unit));
                const T wanted = r == 0 ? defined(runs, i, (count - 1) / 2, false)
                                        : defined(runs, i, trim, true);
                ASSERT_NO_FATAL_FAILURE(expect_same(out[i], wanted, where));
                ASSERT_EQ(std::bit_cast<BitsOf<T>>(out[i]), std::bit_cast<BitsOf<T>>(first[r][i]))
                    << where;
            }
        }
    }
}

/// Normal numbers, with special ones in the share `rare` of the elements.
template <typename T>
Runs<T> with_special(const std::vector<T>& special, double rare, std::size_t runs,
                     std::size_t count, std::uint64_t seed) {
    Random random(seed);
    std::vector<std::vector<T>> values(runs, std::vector<T>(count));
    for (std::vector<T>& run : values) {
        for (T& value : run) {
            value = random.chance(rare)
                        ? special[static_cast<std::size_t>(random.uniform() *
                                                           static_cast<double>(special.size()))]
                        : static_cast<T>(random.normal());
        }
    }
    return Runs<T>(values);
}

template <typename T>
void expect_as_defined_with(const std::vector<T>& special, const std::string& what, DType dtype) {
    for (std::size_t runs = 1; runs <= 33; ++runs) {
        for (const double rare : {0.002, 0.1, 1.0}) {
            for (const std::size_t count : {5U, 131U, 1037U}) {
                ASSERT_NO_FATAL_FAILURE(expect_as_defined(
                    with_special(special, rare, runs, count, runs + count), dtype, what));
            }
        }
    }
}

template <typename T>
void expect_all_as_defined(DType dtype) {
    using Limits = std::numeric_limits<T>;
    const T inf = Limits::infinity();
    const T nan = Limits::quiet_NaN();
    const T tiny = Limits::denorm_min();
    const T least = Limits::min();
    const T most = Limits::max();
    const T one = 1;
    expect_as_defined_with<T>({T{0}, -T{0}}, "zeros", dtype);
    expect_as_defined_with<T>({nan, -nan}, "NaN", dtype);
    expect_as_defined_with<T>({inf, -inf, one, T{0}}, "infinity", dtype);
    expect_as_defined_with<T>({nan, -nan, inf, -inf, T{0}, -T{0}, one}, "NaN and infinity", dtype);
    expect_as_defined_with<T>(
        {tiny, -tiny, 3 * tiny, least, least - tiny, 2 * least + tiny, -3 * least, -T{0}},
        "subnormal", dtype);
    expect_as_defined_with<T>({most, -most, most / 2, most / 4 * 3, one + Limits::epsilon()},
                              "large", dtype);
}

TEST_F(MedianKernels, MakeTheBitsOfTheDefinitionOfSpecialF32) {
    expect_all_as_defined<float>(DType::f32);
}

TEST_F(MedianKernels, MakeTheBitsOfTheDefinitionOfSpecialF64) {
    expect_all_as_defined<double>(DType::f64);
}

/// Sums of two f32 of any exponents, which are rounded in other places than in binary64.
TEST_F(MedianKernels, RoundTheMiddleOfTwoOnce) {
    Random random(7);
    std::vector<std::vector<float>> values(2, std::vector<float>(100'003));
    for (std::size_t i = 0; i < values[0].size(); ++i) {
        const auto bits = static_cast<std::uint32_t>(random.next());
        const auto near =
            bits ^ static_cast<std::uint32_t>(random.next() >> 33U) % (1U << (i % 29U + 1U));
        values[0][i] = std::bit_cast<float>(bits);
        values[1][i] = std::bit_cast<float>(i % 2 == 0 ? near : near ^ 0x80000000U);
    }
    // One NaN sends a vector the long way, so these go by themselves.
    for (std::size_t k = 0; k < 2; ++k) {
        for (float& value : values[k]) {
            value = std::isfinite(value) ? value : 0.5F;
        }
    }
    expect_as_defined(Runs<float>(values), DType::f32, "any exponents");
}

}  // namespace
}  // namespace starling::test
