#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "core/merge/element_types.hpp"

namespace starling {

/// The kernels know f32 and f64. Calls `merge(Element{}, inputs, out, count)` for the elements of
/// `inputs`, with Element float or double: once for those types. Runs of f16 and bf16 are widened
/// to f32, `chunk` elements at a time, and the result is rounded once more; that bounds the memory
/// of rules that see each element by itself.
/// \pre is_floating(dtype)
template <typename Function>
void with_wide_elements(DType dtype, std::span<const std::byte* const> inputs, std::byte* out,
                        std::size_t count, std::size_t chunk, Function merge) {
    if (dtype == DType::f32) {
        return merge(float{}, inputs, out, count);
    }
    if (dtype == DType::f64) {
        return merge(double{}, inputs, out, count);
    }
    with_element_type(dtype, [&](auto type) {
        using Type = decltype(type);
        using Raw = typename Type::Raw;
        const std::size_t room = std::min(chunk, count);
        std::vector<float> wide((inputs.size() + 1) * room);
        std::vector<const std::byte*> rows(inputs.size());
        float* const merged = wide.data() + inputs.size() * room;
        for (std::size_t begin = 0; begin < count; begin += room) {
            const std::size_t size = std::min(room, count - begin);
            for (std::size_t k = 0; k < inputs.size(); ++k) {
                float* const row = wide.data() + k * room;
                for (std::size_t i = 0; i < size; ++i) {
                    Raw raw;
                    std::memcpy(&raw, inputs[k] + (begin + i) * sizeof(Raw), sizeof(Raw));
                    row[i] = static_cast<float>(Type::read(raw));
                }
                rows[k] = reinterpret_cast<const std::byte*>(row);
            }
            merge(float{}, std::span<const std::byte* const>(rows),
                  reinterpret_cast<std::byte*>(merged), size);
            for (std::size_t i = 0; i < size; ++i) {
                const Raw raw = Type::write(static_cast<double>(merged[i]));
                std::memcpy(out + (begin + i) * sizeof(Raw), &raw, sizeof(Raw));
            }
        }
    });
}

}  // namespace starling
