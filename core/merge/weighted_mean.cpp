#include "core/merge/weighted_mean.hpp"

#include "core/base/invariant.hpp"
#include "core/merge/kernels/whole_steps.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {

void weighted_mean(const MergeBlock& block) {
    double total = 0.0;
    for (const double weight : block.weights) {
        total += weight;
    }
    STARLING_INVARIANT(total > 0.0, "a round has a member with weight");
    with_wide_elements(block, wide_chunk, [&](auto element, const MergeBlock& wide) {
        using Element = decltype(element);
        from_first_line<Element>(
            wide.inputs, KernelOut{wide.out, wide.past_caches}, wide.count,
            [&](const std::byte* const* runs, KernelOut out, std::size_t count) {
                merge_kernels().of<Element>().mean(runs, wide.weights.data(), wide.inputs.size(),
                                                   total, out, count);
            });
    });
}

}  // namespace starling
