// The kernels of the merge rules: the mean equals its definition to the bit, and every rule makes
// the same bits with every vector unit of the machine.
#include "core/merge/kernels/merge_kernels.hpp"

#include <algorithm>
#include <map>

#include "core/merge/weighted_mean.hpp"
#include "tests/support/merge_inputs.hpp"

namespace starling::test {
namespace {

using MergeKernels = EveryVectorUnit;

/// As the mean was defined before it had kernels: rule `mean` is what this says, to the bit.
template <typename T>
std::vector<T> defined_mean(const Runs<T>& runs, const std::vector<double>& weights) {
    double total = 0.0;
    for (const double weight : weights) {
        total += weight;
    }
    std::vector<T> out;
    for (std::size_t i = 0; i < runs.count(); ++i) {
        double sum = 0.0;
        for (std::size_t k = 0; k < runs.size(); ++k) {
            sum += weights[k] * static_cast<double>(runs.at(k, i));
        }
        out.push_back(static_cast<T>(sum / total));
    }
    return out;
}

TEST_F(MergeKernels, MakeTheMeanOfTheDefinitionToTheBit) {
    for (const std::size_t count : {1U, 31U, 32U, 4096U, 8193U, 9001U}) {
        for (const std::size_t runs : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 16U, 17U, 32U, 65U}) {
            const auto f32 = drawn_runs<float>(runs, count, runs);
            const auto f64 = drawn_runs<double>(runs, count, runs + 1000);
            for (const auto& weights : {equal_weights(runs), own_weights(runs)}) {
                const auto wanted32 = defined_mean(f32, weights);
                const auto wanted64 = defined_mean(f64, weights);
                each([&](std::string_view unit) {
                    ASSERT_EQ(merged(MergeRule::mean, f32, weights, DType::f32), wanted32)
                        << unit << " " << runs;
                    ASSERT_EQ(merged(MergeRule::mean, f64, weights, DType::f64), wanted64)
                        << unit << " " << runs;
                });
            }
        }
    }
}

/// What the rule writes to an address `shift` bytes behind a line, between bytes that it must not
/// change.
template <typename T>
std::vector<T> merged_at(std::size_t shift, bool past_caches, const MergeMethod& method,
                         const Runs<T>& runs, const std::vector<double>& weights, DType dtype) {
    constexpr std::byte untouched{0x5a};
    const std::size_t size = runs.count() * sizeof(T);
    Bytes room(size + 3 * line_bytes, untouched);
    const std::size_t into_line = reinterpret_cast<std::uintptr_t>(room.data()) % line_bytes;
    std::byte* const out = room.data() + line_bytes - into_line + shift;
    row_of(method)->merge({.dtype = dtype,
                           .inputs = runs.pointers,
                           .weights = weights,
                           .parameters = method.parameters,
                           .model_elements = runs.count(),
                           .out = out,
                           .count = runs.count(),
                           .past_caches = past_caches});
    EXPECT_EQ(std::count(room.data(), out, untouched), out - room.data());
    EXPECT_EQ(std::count(out + size, room.data() + room.size(), untouched),
              room.data() + room.size() - (out + size));
    std::vector<T> values(runs.count());
    std::memcpy(values.data(), out, size);
    return values;
}

template <typename T>
void expect_same_anywhere(std::size_t count, DType dtype) {
    for (const std::size_t runs : {2U, 5U, 16U, 32U, 33U}) {
        const auto drawn = drawn_runs<T>(runs, count, runs);
        for (const MergeRuleRow& row : merge_rules()) {
            for (const auto& weights : {equal_weights(runs), own_weights(runs)}) {
                const auto wanted = merged(row.rule, drawn, weights, dtype);
                for (const std::size_t shift : {0U, 1U, 8U, 16U, 60U}) {
                    ASSERT_EQ(merged_at(shift, true, row.rule, drawn, weights, dtype), wanted)
                        << row.name << " of " << runs << " at " << shift;
                    ASSERT_EQ(merged_at(shift, false, row.rule, drawn, weights, dtype), wanted)
                        << row.name << " of " << runs << " at " << shift;
                }
            }
        }
    }
}

TEST_F(MergeKernels, WriteTheSamePastTheCachesAndWhereverALineBegins) {
    each([&](std::string_view) {
        for (const std::size_t count : {3U, 17U, 700U}) {
            expect_same_anywhere<float>(count, DType::f32);
            expect_same_anywhere<double>(count, DType::f64);
        }
    });
}

TEST_F(MergeKernels, KeepNanInfinityAndTheSignOfZeroInTheMean) {
    const std::vector<float> one = {NAN, INFINITY, INFINITY, -0.0F, 0x1p-149F, 3e38F};
    const std::vector<float> two = {1.0F, 1.0F, -INFINITY, -0.0F, 0x1p-149F, 3e38F};
    std::vector<float> long_one;
    std::vector<float> long_two;
    for (int i = 0; i < 16; ++i) {
        long_one.insert(long_one.end(), one.begin(), one.end());
        long_two.insert(long_two.end(), two.begin(), two.end());
    }
    const Runs<float> runs({long_one, long_two});
    each([&](std::string_view unit) {
        const auto out = merged(MergeRule::mean, runs, {1.0, 1.0}, DType::f32);
        for (std::size_t i = 0; i < out.size(); i += one.size()) {
            EXPECT_TRUE(std::isnan(out[i])) << unit;
            EXPECT_EQ(out[i + 1], INFINITY) << unit;
            EXPECT_TRUE(std::isnan(out[i + 2])) << unit;
            EXPECT_FALSE(std::signbit(out[i + 3])) << unit;  // 0 + -0
            EXPECT_EQ(out[i + 4], 0x1p-149F) << unit;
            EXPECT_EQ(out[i + 5], 3e38F) << unit;
        }
    });
}

/// Bits: of a NaN too.
template <typename T>
std::string bits_of(const std::vector<T>& values) {
    return to_hex(std::as_bytes(std::span(values)));
}

template <typename T>
void expect_same_bits(const Runs<T>& runs, DType dtype, std::string_view unit,
                      std::map<std::string, std::string>& seen) {
    for (const auto& weights : {equal_weights(runs.size()), own_weights(runs.size())}) {
        for (const MergeRuleRow& row : merge_rules()) {
            const std::string bits = bits_of(merged(row.rule, runs, weights, dtype));
            const std::string key = std::string(row.name) + " of " + std::to_string(runs.size()) +
                                    " of " + std::string(to_string(dtype)) +
                                    (weights.back() == 1.0 ? "" : " with weights");
            ASSERT_EQ(seen.emplace(key, bits).first->second, bits) << key << " on " << unit;
        }
    }
}

TEST_F(MergeKernels, MakeTheSameBitsOfEveryRuleWithEveryVectorUnit) {
    for (const std::size_t runs :
         {1U, 2U, 3U, 5U, 8U, 9U, 12U, 13U, 15U, 16U, 17U, 24U, 31U, 32U, 33U}) {
        std::map<std::string, std::string> seen;
        const auto f32 = drawn_runs<float>(runs, 1037, runs);
        const auto f64 = drawn_runs<double>(runs, 1037, runs);
        std::vector<std::vector<std::uint16_t>> halves(runs);
        for (std::size_t k = 0; k < runs; ++k) {
            for (std::size_t i = 0; i < f32.count(); ++i) {
                halves[k].push_back(f32_to_f16(f32.at(k, i) * 0x1p-6F));
            }
        }
        const Runs<std::uint16_t> f16(halves);
        each([&](std::string_view unit) {
            expect_same_bits(f32, DType::f32, unit, seen);
            expect_same_bits(f64, DType::f64, unit, seen);
            expect_same_bits(f16, DType::f16, unit, seen);
            expect_same_bits(f16, DType::bf16, unit, seen);
        });
        ASSERT_EQ(seen.size(), (runs == 1 ? 1 : 2) * 4 * merge_rules().size());
    }
}

TEST(VectorUnits, TheWidestIsUsedUnlessATestSaysOtherwise) {
    EXPECT_EQ(vector_unit(), vector_units().back());
    EXPECT_EQ(vector_units().front(), VectorUnit::baseline);
}

}  // namespace
}  // namespace starling::test
