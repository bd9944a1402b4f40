#include "core/merge/weighted_mean.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/invariant.hpp"
#include "core/merge/element_types.hpp"

namespace starling {
namespace {

/// A block of sums that stays in the first-level cache while all inputs pass over it.
constexpr std::size_t sums_per_block = 1024;

template <typename Type>
void mean_of(std::span<const std::byte* const> inputs, std::span<const double> weights,
             std::byte* out, std::size_t count) {
    using Raw = typename Type::Raw;
    double total = 0.0;
    for (const double weight : weights) {
        total += weight;
    }
    STARLING_INVARIANT(total > 0.0, "a round has a member with weight");
    std::array<double, sums_per_block> sums;
    std::array<Raw, sums_per_block> raw;
    for (std::size_t begin = 0; begin < count; begin += sums_per_block) {
        const std::size_t size = std::min(sums_per_block, count - begin);
        std::fill_n(sums.begin(), size, 0.0);
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            std::memcpy(raw.data(), inputs[k] + begin * sizeof(Raw), size * sizeof(Raw));
            const double weight = weights[k];
            for (std::size_t i = 0; i < size; ++i) {
                sums[i] += weight * Type::read(raw[i]);
            }
        }
        for (std::size_t i = 0; i < size; ++i) {
            raw[i] = Type::write(sums[i] / total);
        }
        std::memcpy(out + begin * sizeof(Raw), raw.data(), size * sizeof(Raw));
    }
}

}  // namespace

void weighted_mean(DType dtype, std::span<const std::byte* const> inputs,
                   std::span<const double> weights, std::byte* out, std::size_t count) {
    with_element_type(dtype,
                      [&](auto type) { mean_of<decltype(type)>(inputs, weights, out, count); });
}

}  // namespace starling
