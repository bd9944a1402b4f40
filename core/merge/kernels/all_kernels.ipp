// Included by merge_kernels.cpp once for each vector unit.
namespace starling {
namespace STARLING_VECTOR_UNIT {
namespace {

// Each needs those above it.
// clang-format off
#include "core/merge/kernels/vectors.ipp"
#include "core/merge/kernels/mean_kernel.ipp"
#include "core/merge/kernels/networks.ipp"
#include "core/merge/kernels/keys.ipp"
#include "core/merge/kernels/line_kernel.ipp"
#include "core/merge/kernels/halves_kernel.ipp"
#include "core/merge/kernels/order_kernel.ipp"
#include "core/merge/kernels/weighted_order_kernel.ipp"
#include "core/merge/kernels/distance_kernel.ipp"
#include "core/merge/kernels/finite_kernel.ipp"
#include "core/merge/kernels/coding_kernel.ipp"
// clang-format on

}  // namespace

template <typename Element>
constexpr ElementKernels<Element> element_kernels = {
    mean<Element>, median<Element>, trimmed_mean<Element>, square_distances<Element>,
    pair_distances<Element>};
constexpr MergeKernels kernels = {
    element_kernels<float>,
    element_kernels<double>,
    {any_exponent_from<std::uint16_t>, any_exponent_from<std::uint32_t>,
     any_exponent_from<std::uint64_t>},
    coding_kernels};

}  // namespace STARLING_VECTOR_UNIT
}  // namespace starling
