#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/merge/element_types.hpp"
#include "core/merge/merge_rules.hpp"

namespace starling {

/// The kernels know f32 and f64. Calls `merge(Element{}, block)` with Element float or double: once
/// for blocks of those types. Runs of f16 and bf16 are widened to f32, `chunk` elements at a time,
/// and the result is rounded once more; that bounds the memory of rules that see each element by
/// itself.
template <typename Function>
void with_wide_elements(const MergeBlock& block, std::size_t chunk, Function merge) {
    if (block.dtype == DType::f32) {
        return merge(float{}, block);
    }
    if (block.dtype == DType::f64) {
        return merge(double{}, block);
    }
    with_element_type(block.dtype, [&](auto type) {
        using Type = decltype(type);
        using Raw = typename Type::Raw;
        const std::size_t room = std::min(chunk, block.count);
        std::vector<float> wide((block.inputs.size() + 1) * room);
        std::vector<const std::byte*> rows(block.inputs.size());
        float* const merged = wide.data() + block.inputs.size() * room;
        MergeBlock part = block;
        part.dtype = DType::f32;
        part.inputs = rows;
        part.out = reinterpret_cast<std::byte*>(merged);
        part.past_caches = false;
        for (std::size_t begin = 0; begin < block.count; begin += room) {
            part.count = std::min(room, block.count - begin);
            for (std::size_t k = 0; k < rows.size(); ++k) {
                float* const row = wide.data() + k * room;
                const std::byte* const from = block.inputs[k] + begin * sizeof(Raw);
                for (std::size_t i = 0; i < part.count; ++i) {
                    Raw raw;
                    std::memcpy(&raw, from + i * sizeof(Raw), sizeof(Raw));
                    row[i] = static_cast<float>(Type::read(raw));
                }
                rows[k] = reinterpret_cast<const std::byte*>(row);
            }
            merge(float{}, part);
            for (std::size_t i = 0; i < part.count; ++i) {
                const Raw raw = Type::write(static_cast<double>(merged[i]));
                std::memcpy(block.out + (begin + i) * sizeof(Raw), &raw, sizeof(Raw));
            }
        }
    });
}

/// For rules that see each element by itself.
constexpr std::size_t wide_chunk = 4096;

}  // namespace starling
