// Compiles the kernels (*.ipp) once for each vector unit, each time in a namespace of its own. They
// are plain loops over vectors of the compiler; what differs is how many elements a vector has.
//
// The kernels use nothing of the standard library that has code: the linker keeps one copy of a
// function that several files instantiate, and if that were one compiled for AVX-512, the whole
// program would need such a machine.
#include "core/merge/kernels/merge_kernels.hpp"

#include <cstdint>
#include <utility>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "core/merge/kernels/vector_unit.hpp"

#define STARLING_VECTOR_BYTES 16
#define STARLING_VECTOR_UNIT baseline_unit
#include "core/merge/kernels/all_kernels.ipp"
#undef STARLING_VECTOR_BYTES
#undef STARLING_VECTOR_UNIT

#ifdef __x86_64__

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define STARLING_VECTOR_BYTES 32
#define STARLING_VECTOR_UNIT avx2_unit
#include "core/merge/kernels/all_kernels.ipp"
#undef STARLING_VECTOR_BYTES
#undef STARLING_VECTOR_UNIT
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#endif
#define STARLING_VECTOR_BYTES 64
#define STARLING_VECTOR_UNIT avx512_unit
#include "core/merge/kernels/all_kernels.ipp"
#undef STARLING_VECTOR_BYTES
#undef STARLING_VECTOR_UNIT
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

namespace starling {

const MergeKernels& merge_kernels() {
    switch (vector_unit()) {
#ifdef __x86_64__
        case VectorUnit::avx512:
            return avx512_unit::kernels;
        case VectorUnit::avx2:
            return avx2_unit::kernels;
#endif
        default:
            return baseline_unit::kernels;
    }
}

}  // namespace starling
