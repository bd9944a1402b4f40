// A merge rule of this project: the largest contribution, element by element.
#include <algorithm>
#include <cstring>

#include "core/merge/merge_rules.hpp"

namespace {

/// \pre f32
void take_largest(const starling::MergeBlock& block) {
    for (std::size_t i = 0; i < block.count; ++i) {
        float largest = 0.0F;
        for (std::size_t k = 0; k < block.inputs.size(); ++k) {
            float value = 0.0F;
            std::memcpy(&value, block.inputs[k] + i * sizeof(value), sizeof(value));
            largest = k == 0 ? value : std::max(largest, value);
        }
        std::memcpy(block.out + i * sizeof(largest), &largest, sizeof(largest));
    }
}

const bool registered =
    starling::register_merge_rule({.rule = starling::MergeRule::of_program,
                                   .name = "largest",
                                   .min_peers = [](std::span<const double>) { return 2U; },
                                   .parameters = {},
                                   .merge = take_largest,
                                   .survives = "none"});

}  // namespace
