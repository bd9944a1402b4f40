#pragma once

#include "core/merge/merge_rules.hpp"

namespace starling {

/// Rule `mean`: the weighted mean of K contributions, element by element. They are summed in the
/// order of `inputs`, so every member gets the same bytes whatever the order of arrival. Each
/// product, sum and quotient is rounded as binary64, the result once more to the element's type.
/// Cost: one pass over all inputs, at the speed of memory (kernels/mean_kernel.ipp). Source:
/// McMahan et al. 2017, Algorithm 1.
void weighted_mean(const MergeBlock& block);

}  // namespace starling
