#pragma once

#include "core/merge/merge_rules.hpp"

namespace starling {

/// Rule `geometric-median`: of each block, the point z with the least sum of weighted distances
/// alpha_k ||z - x_k||, by the smoothed Weiszfeld algorithm. Its step is the mean with weights
/// alpha_k / max(smoothing, ||z - x_k||); it stops after `iterations` steps, or once the sum of
/// distances changed by less than `tolerance` of itself. It begins at the block's coordinate
/// median, not at the mean as the source does: a mean can be anywhere if one contribution is, and
/// four steps do not come back from there.
///
/// A block is what a segment has of a tensor (core/DECISIONS.md: "Rules that need distances work by
/// blocks"). Contributions whose distance from the coordinate median is not finite are left out of
/// the block. Norms are binary64.
///
/// Parameters: iterations, smoothing, tolerance. Cost: one pass for the start, one for each step
/// over data that is in the second- or third-level cache by then. Source: Pillutla, Kakade,
/// Harchaoui, "Robust Aggregation for Federated Learning", 2022, Algorithm 2, with the defaults and
/// the stopping rule of the authors' program (github.com/krishnap25/RFA, geometric_median_update).
void geometric_median(const MergeBlock& block);

}  // namespace starling
