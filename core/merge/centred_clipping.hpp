#pragma once

#include "core/merge/merge_rules.hpp"

namespace starling {

/// Rule `centred-clipping`: of each block, a centre v that moves `iterations` times by the weighted
/// mean of the differences x_k - v, each clipped to a length of tau' first. It begins at the
/// block's coordinate median; the source begins at the result of the round before, which not every
/// member has. A block of n of the model's N elements has tau' = tau sqrt(n / N), so that tau is a
/// length in the space of the whole model: where no block's difference is longer, the result is the
/// mean.
///
/// A block is what a segment has of a tensor, as in the butterfly all-reduce of Gorbunov et al.
/// 2022 (core/DECISIONS.md: "Rules that need distances work by blocks"). Contributions whose
/// distance from the coordinate median is not finite are left out of the block. Norms are binary64.
///
/// Parameters: tau, iterations. Cost: as for the geometric median. Source: Karimireddy, He, Jaggi
/// 2021, Algorithm 2.
void centred_clipping(const MergeBlock& block);

}  // namespace starling
