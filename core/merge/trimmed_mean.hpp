#pragma once

#include <cstddef>

#include "core/merge/merge_rules.hpp"

namespace starling {

/// How many contributions are trimmed at each end: beta of them, rounded up, so that a share of
/// beta that is not honest never counts; and at least one is left.
std::size_t trimmed_count(double beta, std::size_t inputs);

/// Rule `trimmed-mean`: element by element, the weighted mean of what is left without the
/// trimmed_count() smallest and largest values. Weights decide how much a value counts, not whether
/// it is trimmed: a member can't keep its values in by a large weight. Of equal values the one with
/// the larger weight counts as larger. Products and sums, in ascending order, and the quotient are
/// rounded as binary64, the result once more to the element's type; a NaN is larger (with a sign
/// bit: smaller) than all numbers.
///
/// Parameters: beta. Cost: as for the coordinate median. Source: Yin et al. 2018, Definition 2,
/// which has no weights and takes beta K as a whole number.
void trimmed_mean(const MergeBlock& block);

}  // namespace starling
