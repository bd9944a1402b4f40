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

/// The bits, or for negative numbers their complement, as an integer: IEEE 754's totalOrder.
template <typename T>
BitsOf<T> to_ordered(T value) {
    constexpr BitsOf<T> sign = BitsOf<T>{1} << (8 * sizeof(T) - 1);
    const auto bits = std::bit_cast<BitsOf<T>>(value);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}
template <typename T>
T from_ordered(BitsOf<T> ordered) {
    constexpr BitsOf<T> sign = BitsOf<T>{1} << (8 * sizeof(T) - 1);
    return std::bit_cast<T>((ordered & sign) != 0 ? ordered ^ sign : ~ordered);
}

/// Element i of all runs, in totalOrder.
template <typename T>
std::vector<T> sorted_column(const Runs<T>& runs, std::size_t i) {
    std::vector<BitsOf<T>> ordered(runs.size());
    for (std::size_t k = 0; k < runs.size(); ++k) {
        ordered[k] = to_ordered(runs.at(k, i));
    }
    std::sort(ordered.begin(), ordered.end());
    std::vector<T> column(runs.size());
    std::transform(ordered.begin(), ordered.end(), column.begin(), from_ordered<T>);
    return column;
}

/// The definition for one element: the mean, in binary64, of what is left without the `trim`
/// smallest and largest.
template <typename T>
T defined(const std::vector<T>& column, std::size_t trim, bool starts_at_zero) {
    if (column.size() - 2 * trim == 1) {
        return starts_at_zero ? column[trim] + T{0} : column[trim];
    }
    double sum = starts_at_zero ? 0.0 : -0.0;
    for (std::size_t k = trim; k < column.size() - trim; ++k) {
        sum += static_cast<double>(column[k]);
    }
    return static_cast<T>(sum / static_cast<double>(column.size() - 2 * trim));
}

/// Whether they have the same bits, or are both NaN.
template <typename T>
bool are_same(T a, T b) {
    return (std::isnan(a) && std::isnan(b)) ||
           std::bit_cast<BitsOf<T>>(a) == std::bit_cast<BitsOf<T>>(b);
}

/// Each vector unit against the definition, and against the others to the bit. A message is made
/// only for a failure: with sanitizers, strings would take most of the time of millions of
/// elements.
template <typename T>
void expect_as_defined_by(const MergeMethod& rule, const Runs<T>& runs,
                          const std::vector<T>& wanted, DType dtype, const std::string& what) {
    std::vector<T> first;
    for (const VectorUnit unit : vector_units()) {
        use_vector_unit(unit);
        const std::vector<T> out = merged(rule, runs, equal_weights(runs.size()), dtype);
        const auto where = [&](std::size_t i) {
            return what + " of " + std::to_string(runs.size()) + ", element " + std::to_string(i) +
                   ", " + std::string(to_string(unit));
        };
        ASSERT_EQ(out.size(), wanted.size());
        const auto other = std::mismatch(out.begin(), out.end(), wanted.begin(), are_same<T>).first;
        if (other != out.end()) {
            const auto i = static_cast<std::size_t>(other - out.begin());
            FAIL() << where(i) << ": " << *other << ", by definition " << wanted[i];
        }
        if (first.empty()) {
            first = out;
        }
        if (std::memcmp(out.data(), first.data(), out.size() * sizeof(T)) != 0) {
            FAIL() << where(0) << " or later: other bits than with the first vector unit";
        }
    }
}

template <typename T>
void expect_as_defined(const Runs<T>& runs, DType dtype, const std::string& what) {
    const std::size_t count = runs.size();
    const std::size_t trim = std::min((count + 3) / 4, (count - 1) / 2);
    std::vector<T> median;
    std::vector<T> trimmed;
    for (std::size_t i = 0; i < runs.count(); ++i) {
        const std::vector<T> column = sorted_column(runs, i);
        median.push_back(defined(column, (count - 1) / 2, false));
        trimmed.push_back(defined(column, trim, true));
    }
    ASSERT_NO_FATAL_FAILURE(expect_as_defined_by(MergeMethod(MergeRule::coordinate_median), runs,
                                                 median, dtype, what + ", median"));
    ASSERT_NO_FATAL_FAILURE(expect_as_defined_by(*parse_merge_method("trimmed-mean:beta=0.25"),
                                                 runs, trimmed, dtype, what + ", trimmed mean"));
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
