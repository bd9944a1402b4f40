#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace starling {

/// Vector instructions that the kernels of the merge rules may use. A machine takes the widest that
/// it has; the bits of a result are the same with each, since every element goes through the same
/// operations in the same order.
enum class VectorUnit : std::uint8_t {
    baseline = 1,  ///< what every machine of the build's architecture has: SSE2 on x86-64
    avx2 = 2,
    avx512 = 3,  ///< F, BW, DQ and VL
};

std::string_view to_string(VectorUnit unit);

/// Those that this machine has, the widest last.
std::vector<VectorUnit> vector_units();

/// The one that kernels use: the widest, unless use_vector_unit() was called.
VectorUnit vector_unit();

/// For tests and measurements: from now on, in all threads, kernels use this one.
/// \pre vector_units() has it
void use_vector_unit(VectorUnit unit);

}  // namespace starling
