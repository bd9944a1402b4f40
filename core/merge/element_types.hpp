#pragma once

#include <cstdint>

#include "core/base/invariant.hpp"
#include "core/merge/half.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// The floating types of tensors, by how merge rules read and write their elements: as binary64,
/// rounded once when written.
namespace element {

struct F32 {
    using Raw = float;
    static double read(Raw raw) { return static_cast<double>(raw); }
    static Raw write(double value) { return static_cast<float>(value); }
};
struct F64 {
    using Raw = double;
    static double read(Raw raw) { return raw; }
    static Raw write(double value) { return value; }
};
struct F16 {
    using Raw = std::uint16_t;
    static double read(Raw raw) { return static_cast<double>(f16_to_f32(raw)); }
    static Raw write(double value) { return f32_to_f16(static_cast<float>(value)); }
};
struct BF16 {
    using Raw = std::uint16_t;
    static double read(Raw raw) { return static_cast<double>(bf16_to_f32(raw)); }
    static Raw write(double value) { return f32_to_bf16(static_cast<float>(value)); }
};

}  // namespace element

/// Calls `function` with a value of the struct in `element` that stands for `dtype`.
/// \pre is_floating(dtype)
template <typename Function>
void with_element_type(DType dtype, Function function) {
    switch (dtype) {
        case DType::f32:
            return function(element::F32{});
        case DType::f64:
            return function(element::F64{});
        case DType::f16:
            return function(element::F16{});
        case DType::bf16:
            return function(element::BF16{});
        case DType::i8:
        case DType::u8:
        case DType::i16:
        case DType::i32:
        case DType::i64:
            break;
    }
    STARLING_INVARIANT(is_floating(dtype), "integer tensors are not merged by a rule");
}

}  // namespace starling
