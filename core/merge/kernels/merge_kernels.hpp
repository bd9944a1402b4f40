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

/// Steps of the compressions f16, bf16 and int8. `count` is a multiple of kernel_elements; a result
/// may replace an input of the same type. Arithmetic is binary32, without fused multiply-adds.
struct CodingKernels {
    /// sums[i] = a[i] + b[i]. A NaN is the canonical one, and two finite numbers have a finite sum:
    /// the largest one, where it would be infinite.
    void (*add)(const float* a, const float* b, float* sums, std::size_t count);
    /// differences[i] = a[i] - b[i], in the same way; finite ones are limited to 2^127.
    void (*subtract)(const float* a, const float* b, float* differences, std::size_t count);
    /// residuals[i] = wanted[i] - decoded[i], or 0 where that is not finite.
    void (*residual)(const float* wanted, const float* decoded, float* residuals,
                     std::size_t count);

    /// One block: values[i] is about codes[i] * scale. \return the scale: NaN where a value is not
    /// finite, 0 where all are too small
    float (*encode_int8)(const float* values, std::int8_t* codes, std::size_t count);
    void (*decode_int8)(const std::int8_t* codes, float scale, float* values, std::size_t count);
    /// To IEEE 754 binary16, to nearest, ties to even; finite values stay finite.
    void (*encode_f16)(const float* values, std::uint16_t* codes, std::size_t count);
    void (*decode_f16)(const std::uint16_t* codes, float* values, std::size_t count);
    /// To bfloat16, to nearest, ties to even.
    void (*encode_bf16)(const float* values, std::uint16_t* codes, std::size_t count);
    void (*decode_bf16)(const std::uint16_t* codes, float* values, std::size_t count);
};

struct MergeKernels {
    ElementKernels<float> f32;
    ElementKernels<double> f64;
    ExponentKernels exponents;
    CodingKernels coding;

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
