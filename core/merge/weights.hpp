#pragma once

#include <algorithm>
#include <functional>
#include <span>

namespace starling {

/// nullptr where all members weigh the same: which is what kernels that sort are told, and faster.
inline const double* weights_unless_equal(std::span<const double> weights) {
    const bool equal =
        std::adjacent_find(weights.begin(), weights.end(), std::not_equal_to<>()) == weights.end();
    return equal ? nullptr : weights.data();
}

}  // namespace starling
