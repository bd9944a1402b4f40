#pragma once

#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/merge/half.hpp"
#include "core/merge/kernels/vector_unit.hpp"
#include "core/merge/merge_rules.hpp"

namespace starling::test {

/// K runs of one type, each a byte behind an aligned address.
template <typename T>
class Runs {
public:
    explicit Runs(const std::vector<std::vector<T>>& values) : count_(values.front().size()) {
        for (const std::vector<T>& run : values) {
            bytes_.emplace_back(count_ * sizeof(T) + 1);
            std::memcpy(bytes_.back().data() + 1, run.data(), count_ * sizeof(T));
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
    std::size_t size() const { return bytes_.size(); }
    std::size_t count() const { return count_; }

    std::vector<const std::byte*> pointers;

private:
    std::size_t count_;
    std::vector<Bytes> bytes_;
};

/// Values around a common model, some of them equal, with magnitudes from 2^-20 to 2^19.
template <typename T>
Runs<T> drawn_runs(std::size_t runs, std::size_t count, std::uint64_t seed) {
    Random random(seed);
    std::vector<std::vector<T>> values(runs, std::vector<T>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const double common = random.normal();
        for (std::size_t k = 0; k < runs; ++k) {
            const double own = random.chance(0.1) ? 0.0 : 0.5 * random.normal();
            values[k][i] =
                static_cast<T>((common + own) * std::ldexp(1.0, static_cast<int>(i % 40) - 20));
        }
    }
    return Runs<T>(values);
}

inline std::vector<double> equal_weights(std::size_t runs) {
    return std::vector<double>(runs, 1.0);
}
inline std::vector<double> own_weights(std::size_t runs) {
    std::vector<double> weights;
    for (std::size_t k = 0; k < runs; ++k) {
        weights.push_back(static_cast<double>(k * 37 % 100 + 1));
    }
    return weights;
}

/// What the rule makes of a block that is the whole model.
template <typename T>
std::vector<T> merged(const MergeMethod& method, const Runs<T>& runs,
                      const std::vector<double>& weights, DType dtype) {
    std::vector<T> out(runs.count());
    row_of(method)->merge({.dtype = dtype,
                           .inputs = runs.pointers,
                           .weights = weights,
                           .parameters = method.parameters,
                           .model_elements = runs.count(),
                           .out = std::as_writable_bytes(std::span(out)).data(),
                           .count = runs.count()});
    return out;
}

/// Restores the vector unit in use.
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

}  // namespace starling::test
