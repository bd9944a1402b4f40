#pragma once

#include <cstdint>
#include <span>

#include "core/merge/merge_work.hpp"

namespace starling {

/// Weighted mean of K float32 vectors, element by element.
///
/// \param inputs   K >= 1 vectors of out.size() elements, ascending by node id; summed in that
/// order, so
///                 every member gets the same bytes whatever the order of arrival.
/// \param weights  K weights; their sum is > 0.
/// Each product and sum is rounded as binary64, the quotient once to binary32. Cost: K*P
/// multiply-adds, one pass over all inputs. Source: McMahan et al. 2017, Algorithm 1.
void weighted_mean(std::span<const float* const> inputs, std::span<const double> weights,
                   std::span<float> out);

/// Merges one segment by the layout's element types: floating types by weighted mean, integer types
/// (counters) taken from the lowest node id, that is, from the first contribution. Phantom
/// contributions give a phantom. Contributions are looked at for NaN and infinity only where the
/// merged segment holds one: finite ones have a finite mean, so that costs one pass over the
/// result.
MergeResult merge_segment(const MergeWork& work);

}  // namespace starling
