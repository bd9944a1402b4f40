#pragma once

#include <cstddef>

namespace starling {

/// Loops over the elements of K runs of one type, compiled once for each VectorUnit. Runs may be
/// unaligned; all arithmetic is binary64, without fused multiply-adds.
template <typename Element>
struct ElementKernels {
    /// out[i] = (0 + w[0] x[0][i] + w[1] x[1][i] + ...) / total, summed in the order of the runs,
    /// each operation rounded; the quotient is rounded once more to the element's type.
    void (*mean)(const std::byte* const* runs, const double* weights, std::size_t run_count,
                 double total, std::byte* out, std::size_t count);
};

struct MergeKernels {
    ElementKernels<float> f32;
    ElementKernels<double> f64;

    template <typename Element>
    const ElementKernels<Element>& of() const;
};

template <>
inline const ElementKernels<float>& MergeKernels::of<float>() const {
    return f32;
}
template <>
inline const ElementKernels<double>& MergeKernels::of<double>() const {
    return f64;
}

/// For the vector unit in use.
const MergeKernels& merge_kernels();

}  // namespace starling
