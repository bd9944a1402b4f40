#include "core/merge/coordinate_median.hpp"

#include "core/merge/kernels/whole_steps.hpp"
#include "core/merge/weights.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {

void coordinate_median(const MergeBlock& block) {
    const Scratch scratch(block.inputs.size());
    const double* const weights = weights_unless_equal(block.weights);
    with_wide_elements(block, wide_chunk, [&](auto element, const MergeBlock& wide) {
        using Element = decltype(element);
        in_whole_steps_to<Element>(
            wide.inputs, KernelOut{wide.out, wide.past_caches}, wide.count,
            [&](const std::byte* const* runs, KernelOut out, std::size_t count) {
                merge_kernels().of<Element>().median(runs, weights, wide.inputs.size(),
                                                     scratch.data(), out, count);
            });
    });
}

}  // namespace starling
