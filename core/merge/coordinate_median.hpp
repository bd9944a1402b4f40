#pragma once

#include "core/merge/merge_rules.hpp"

namespace starling {

/// Rule `coordinate-median`: the weighted median, element by element. Lower median: the smallest
/// element up to which the weights are at least half of all; upper median: the smallest one with
/// more than half; the result is (lower + upper) / 2, in binary64, rounded once. Of equal weights
/// that is the middle element, or the mean of the two in the middle. A NaN counts as larger (with a
/// sign bit: smaller) than all numbers.
///
/// Cost: one pass; with equal weights at the speed of memory up to 16 inputs
/// (kernels/order_kernel.ipp). Source: Yin et al. 2018, Definition 1.
void coordinate_median(const MergeBlock& block);

}  // namespace starling
