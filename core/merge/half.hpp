#pragma once

#include <cstdint>

namespace starling {

// g++ 12 has no 16-bit floating types in C++, and both conversions must round alike on every
// machine.

/// IEEE 754 binary16.
float f16_to_f32(std::uint16_t bits);
/// Rounds to nearest, ties to even; overflow gives infinity, a NaN stays one.
std::uint16_t f32_to_f16(float value);
/// bfloat16: the upper half of a binary32.
float bf16_to_f32(std::uint16_t bits);
/// Rounds to nearest, ties to even; a NaN stays one.
std::uint16_t f32_to_bf16(float value);

}  // namespace starling
