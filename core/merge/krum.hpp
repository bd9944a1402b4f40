#pragma once

#include <cstddef>
#include <vector>

#include "core/merge/merge_rules.hpp"

namespace starling {

/// Which of n contributions Krum takes, ascending by place: the `select` (at least one, at most n -
/// f - 2) with the least sum of squared distances from their n - f - 2 nearest ones. Of equal sums
/// the first. With less than 2f + 3 contributions f is the largest that there are enough for, and
/// of one or two all are taken. \param distances  squares, of i < j at j (j - 1) / 2 + i
std::vector<std::size_t> krum_selection(const std::vector<double>& distances, std::size_t n,
                                        std::size_t f, std::size_t select);

/// Rule `krum`: of each block, the weighted mean of the contributions that Krum takes, one or
/// (Multi-Krum) several. Weights do not matter for which are taken. A block is what a segment has
/// of a tensor (core/DECISIONS.md: "Rules that need distances work by blocks"). Contributions whose
/// distances are not finite are left out of the block.
///
/// Parameters: f, how many may be dishonest; select. Cost: K^2 / 2 distances, computed in one pass.
/// Source: Blanchard et al. 2017, sections 4 and 6.
void krum(const MergeBlock& block);

}  // namespace starling
