// The kernels of the merge rules give the result of their definition, element by element, with
// every vector unit of the machine.
#include "core/merge/kernels/merge_kernels.hpp"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/merge/kernels/vector_unit.hpp"
#include "core/merge/weighted_mean.hpp"

namespace starling::test {
namespace {

/// K arrays of one type, each one byte past an aligned address.
template <typename T>
class Runs {
public:
    Runs(std::size_t runs, std::size_t count, std::uint64_t seed) : count_(count) {
        Random random(seed);
        for (std::size_t k = 0; k < runs; ++k) {
            bytes_.emplace_back(count * sizeof(T) + 1);
            for (std::size_t i = 0; i < count; ++i) {
                const T value = static_cast<T>(random.normal() * std::ldexp(1.0, int(i % 40) - 20));
                std::memcpy(bytes_[k].data() + 1 + i * sizeof(T), &value, sizeof(T));
            }
        }
        for (const Bytes& bytes : bytes_) {
            pointers.push_back(bytes.data() + 1);
        }
    }
    T at(std::size_t run, std::size_t i) const {
        T value;
        std::memcpy(&value, pointers[run] + i * sizeof(T), sizeof(T));
        return value;
    }
    std::size_t count() const { return count_; }
    std::vector<const std::byte*> pointers;

private:
    std::size_t count_;
    std::vector<Bytes> bytes_;
};

class EveryVectorUnit : public testing::Test {
protected:
    ~EveryVectorUnit() override { use_vector_unit(vector_units().back()); }
    template <typename Function>
    static void each(Function function) {
        for (const VectorUnit unit : vector_units()) {
            use_vector_unit(unit);
            function(to_string(unit));
        }
    }
};

/// The definition of the mean without kernels: rule `mean` must give the same bits.
template <typename T>
std::vector<T> defined_mean(const Runs<T>& runs, const std::vector<double>& weights) {
    double total = 0.0;
    for (const double weight : weights) {
        total += weight;
    }
    std::vector<T> out;
    for (std::size_t i = 0; i < runs.count(); ++i) {
        double sum = 0.0;
        for (std::size_t k = 0; k < runs.pointers.size(); ++k) {
            sum += weights[k] * static_cast<double>(runs.at(k, i));
        }
        out.push_back(static_cast<T>(sum / total));
    }
    return out;
}

std::vector<double> weights_of(std::size_t runs) {
    std::vector<double> weights;
    for (std::size_t k = 0; k < runs; ++k) {
        weights.push_back(static_cast<double>(k * 37 % 100 + 1));
    }
    return weights;
}

template <typename T>
std::vector<T> kernel_mean(const Runs<T>& runs, const std::vector<double>& weights, DType dtype) {
    std::vector<T> out(runs.count());
    weighted_mean(dtype, runs.pointers, weights, std::as_writable_bytes(std::span(out)).data(),
                  runs.count());
    return out;
}

TEST_F(EveryVectorUnit, GivesTheBitsOfTheDefinition) {
    for (const std::size_t count : {1U, 31U, 32U, 4096U, 4097U, 9001U}) {
        for (const std::size_t runs : {1U, 2U, 3U, 7U, 8U, 9U, 16U, 17U, 32U, 65U}) {
            const Runs<float> f32(runs, count, runs);
            const Runs<double> f64(runs, count, runs + 1000);
            const std::vector<double> weights = weights_of(runs);
            const auto wanted32 = defined_mean(f32, weights);
            const auto wanted64 = defined_mean(f64, weights);
            each([&](std::string_view unit) {
                ASSERT_EQ(kernel_mean(f32, weights, DType::f32), wanted32) << unit << " " << runs;
                ASSERT_EQ(kernel_mean(f64, weights, DType::f64), wanted64) << unit << " " << runs;
            });
        }
    }
}

TEST_F(EveryVectorUnit, PreservesNanInfinityAndTheSignOfZero) {
    const std::vector<float> one = {NAN, INFINITY, INFINITY, -0.0F, 0x1p-149F, 3e38F};
    const std::vector<float> two = {1.0F, 1.0F, -INFINITY, -0.0F, 0x1p-149F, 3e38F};
    std::vector<float> long_one;
    std::vector<float> long_two;
    for (int i = 0; i < 16; ++i) {
        long_one.insert(long_one.end(), one.begin(), one.end());
        long_two.insert(long_two.end(), two.begin(), two.end());
    }
    const std::byte* const runs[] = {std::as_bytes(std::span(long_one)).data(),
                                     std::as_bytes(std::span(long_two)).data()};
    const double weights[] = {1.0, 1.0};
    each([&](std::string_view unit) {
        std::vector<float> out(long_one.size());
        weighted_mean(DType::f32, runs, weights, std::as_writable_bytes(std::span(out)).data(),
                      out.size());
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

TEST(VectorUnits, TheWidestIsUsedUnlessATestSelectsAnother) {
    EXPECT_EQ(vector_unit(), vector_units().back());
    EXPECT_EQ(vector_units().front(), VectorUnit::baseline);
}

}  // namespace
}  // namespace starling::test
