#include "core/merge/trimmed_mean.hpp"

#include <algorithm>
#include <cmath>

#include "core/merge/kernels/whole_steps.hpp"
#include "core/merge/weights.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {

std::size_t trimmed_count(double beta, std::size_t inputs) {
    constexpr double rounding = 1e-9;  // 0.07 of 100 are 7, though 0.07 * 100 is above it
    const double share = std::ceil(beta * static_cast<double>(inputs) - rounding);
    return std::min(static_cast<std::size_t>(std::max(share, 0.0)), (inputs - 1) / 2);
}

void trimmed_mean(const MergeBlock& block) {
    const Scratch scratch(block.inputs.size());
    const double* const weights = weights_unless_equal(block.weights);
    const std::size_t trim = trimmed_count(block.parameters[0], block.inputs.size());
    with_wide_elements(block, wide_chunk, [&](auto element, const MergeBlock& wide) {
        using Element = decltype(element);
        in_whole_steps_to<Element>(
            wide.inputs, KernelOut{wide.out, wide.past_caches}, wide.count,
            [&](const std::byte* const* runs, KernelOut out, std::size_t count) {
                merge_kernels().of<Element>().trimmed_mean(runs, weights, wide.inputs.size(), trim,
                                                           scratch.data(), out, count);
            });
    });
}

}  // namespace starling
