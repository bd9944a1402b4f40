#pragma once

#include <cstddef>
#include <cstdint>

namespace starling {

constexpr std::size_t kernel_elements = 32;
constexpr std::size_t distance_lanes = 16;
constexpr std::size_t scratch_bytes(std::size_t run_count) { return run_count * 1024; }

/// The point (w[0] x[0] + w[1] x[1] + ...) / total, in binary64.
struct WeightedPoint {
    const std::byte* const* runs;
    const double* weights;
    std::size_t run_count;
    double total;
};

/// Bytes that the processor fetches at once.
constexpr std::size_t line_bytes = 64;

/// Room for a kernel's results.
struct KernelOut {
    std::byte* bytes;
    /// Written past the caches: a line is then not read before it is written, and replaces nothing.
    /// Only where `bytes` are a multiple of line_bytes, and the vector unit can.
    bool past_caches = false;
};

/// Loops over the elements of K runs of one type, compiled once for each VectorUnit. Runs may be
/// unaligned; all arithmetic is binary64, without fused multiply-adds.
template <typename Element>
struct ElementKernels {
    /// out[i] = (0 + w[0] x[0][i] + w[1] x[1][i] + ...) / total, summed in the order of the runs,
    /// each operation rounded; the quotient is rounded once more to the element's type.
    void (*mean)(const std::byte* const* runs, const double* weights, std::size_t run_count,
                 double total, KernelOut out, std::size_t count);

    // Those that follow take a multiple of kernel_elements, and scratch_bytes(run_count) at
    // `scratch`, aligned to 64.

    /// The middle of the elements in the order of IEEE 754's totalOrder, where NaN are the largest
    /// and smallest: (lower + upper) / 2, rounded once. Lower is the first element up to which the
    /// weights are at least half of all, upper the first with more than half; of equal weights that
    /// is the middle one, or of an even number the mean of the two in the middle. A mean of two
    /// that is NaN has one payload.
    /// \param weights  whole numbers from 1 to 2^31 - 1; nullptr: equal ones
    void (*median)(const std::byte* const* runs, const double* weights, std::size_t run_count,
                   std::byte* scratch, KernelOut out, std::size_t count);
    /// The weighted mean of what is left without the `trim` smallest and the `trim` largest, by
    /// value and then by weight, summed in ascending order. \pre 2 * trim < run_count
    /// \param weights  as for the median
    void (*trimmed_mean)(const std::byte* const* runs, const double* weights, std::size_t run_count,
                         std::size_t trim, std::byte* scratch, KernelOut out, std::size_t count);

    /// Adds the squares of the differences between each run and a point to `sums`, distance_lanes
    /// of them for each run: element i to lane i % distance_lanes, in ascending order.
    void (*square_distances)(const WeightedPoint& point, const std::byte* const* runs,
                             std::size_t run_count, double* sums, std::size_t count);
    /// The same between each two runs i < j, whose sums are those of number j (j - 1) / 2 + i.
    void (*pair_distances)(const std::byte* const* runs, std::size_t run_count, std::byte* scratch,
                           double* sums, std::size_t count);
};

/// Whether one of `count` elements has bits of the exponent, those of the mask `exponent`, of
/// `limit` or more. The sign is the top bit of a Raw. Elements may be unaligned.
template <typename Raw>
using ExponentKernel = bool (*)(const std::byte* data, std::size_t count, Raw exponent, Raw limit);

struct ExponentKernels {
    ExponentKernel<std::uint16_t> of_16_bits;
    ExponentKernel<std::uint32_t> of_32_bits;
    ExponentKernel<std::uint64_t> of_64_bits;
};

struct MergeKernels {
    ElementKernels<float> f32;
    ElementKernels<double> f64;
    ExponentKernels exponents;

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
