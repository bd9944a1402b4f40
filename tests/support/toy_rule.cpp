// A merge rule of toy-ml's own: the contribution of the lowest node id, times a factor.
#include <cstring>

#include "core/merge/merge_rules.hpp"

namespace starling {
namespace {

/// \pre f32
void take_first(const MergeBlock& block) {
    const auto factor = static_cast<float>(block.parameters[0]);
    for (std::size_t i = 0; i < block.count; ++i) {
        float value = 0.0F;
        std::memcpy(&value, block.inputs[0] + i * sizeof value, sizeof value);
        value *= factor;
        std::memcpy(block.out + i * sizeof value, &value, sizeof value);
    }
}

constexpr MergeParameter parameters[] = {
    {.name = "factor", .low = 0.0, .high = 1.0, .usual = 1.0, .whole = false}};

const bool registered =
    register_merge_rule({.rule = MergeRule::of_program,
                         .name = "toy-first",
                         .min_peers = [](std::span<const double>) { return 2U; },
                         .parameters = parameters,
                         .merge = take_first,
                         .survives = "those of all but the first"});

}  // namespace
}  // namespace starling
