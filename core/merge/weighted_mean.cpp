#include "core/merge/weighted_mean.hpp"

#include "core/base/invariant.hpp"
#include "core/merge/kernels/merge_kernels.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {

void weighted_mean(const MergeBlock& block) {
    double total = 0.0;
    for (const double weight : block.weights) {
        total += weight;
    }
    STARLING_INVARIANT(total > 0.0, "a round has a member with weight");
    with_wide_elements(block, wide_chunk, [&](auto element, const MergeBlock& wide) {
        merge_kernels().of<decltype(element)>().mean(wide.inputs.data(), wide.weights.data(),
                                                     wide.inputs.size(), total, wide.out,
                                                     wide.count);
    });
}

}  // namespace starling
