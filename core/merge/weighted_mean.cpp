#include "core/merge/weighted_mean.hpp"

#include "core/base/invariant.hpp"
#include "core/merge/kernels/merge_kernels.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {

void weighted_mean(DType dtype, std::span<const std::byte* const> inputs,
                   std::span<const double> weights, std::byte* out, std::size_t count) {
    double total = 0.0;
    for (const double weight : weights) {
        total += weight;
    }
    STARLING_INVARIANT(total > 0.0, "a round has a member with weight");
    constexpr std::size_t chunk = 4096;
    with_wide_elements(
        dtype, inputs, out, count, chunk,
        [&](auto element, std::span<const std::byte* const> runs, std::byte* to, std::size_t size) {
            merge_kernels().of<decltype(element)>().mean(runs.data(), weights.data(), runs.size(),
                                                         total, to, size);
        });
}

}  // namespace starling
