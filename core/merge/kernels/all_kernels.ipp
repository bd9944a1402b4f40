// Included by merge_kernels.cpp once for each vector unit.
namespace starling {
namespace STARLING_VECTOR_UNIT {
namespace {

// Each needs those above it.
// clang-format off
#include "core/merge/kernels/vectors.ipp"
#include "core/merge/kernels/mean_kernel.ipp"
// clang-format on

}  // namespace

constexpr MergeKernels kernels = {{mean<float>}, {mean<double>}};

}  // namespace STARLING_VECTOR_UNIT
}  // namespace starling
