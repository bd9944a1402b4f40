// Elements are encoded in chunks that stay in the first-level cache from one step to the next, in
// binary32 arithmetic in a fixed order (-ffp-contract=off), so every machine has the same bytes.
#include "core/merge/dense_coding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/merge/kernels/merge_kernels.hpp"

namespace starling {
namespace {

constexpr std::size_t int8_block = 256;  ///< elements with one scale
constexpr std::size_t chunk_elements = 1024;
static_assert(chunk_elements % int8_block == 0 && int8_block % kernel_elements == 0);

std::size_t block_count(std::size_t elements) { return (elements + int8_block - 1) / int8_block; }

/// Some of a run's elements, followed by zeros up to a multiple of kernel_elements.
struct Chunk {
    void load(const std::byte* from, std::size_t count) {
        if (from == nullptr) {
            std::fill_n(floats.begin(), rounded_up(count), 0.0F);
            return;
        }
        std::memcpy(floats.data(), from, count * sizeof(float));
        std::fill(floats.begin() + static_cast<std::ptrdiff_t>(count),
                  floats.begin() + static_cast<std::ptrdiff_t>(rounded_up(count)), 0.0F);
    }
    static std::size_t rounded_up(std::size_t count) {
        return (count + kernel_elements - 1) / kernel_elements * kernel_elements;
    }

    alignas(line_bytes) std::array<float, chunk_elements> floats;
};

/// The encoding of a run: with int8 the scales of all blocks, then one byte an element.
template <typename Byte>
struct Encoded {
    Encoded(Compression of_kind, Byte* at, std::size_t elements)
        : kind(of_kind),
          scales(at),
          codes(kind == Compression::int8 ? at + block_count(elements) * sizeof(float) : at) {}

    Compression kind;
    Byte* scales;
    Byte* codes;
};

/// \param first  element of the run with which the chunk begins
void encode(const Chunk& chunk, std::size_t count, std::size_t first,
            const Encoded<std::byte>& out) {
    const CodingKernels& kernels = merge_kernels().coding;
    const float* const values = chunk.floats.data();
    if (out.kind != Compression::int8) {
        std::array<std::uint16_t, chunk_elements> codes;
        const bool is_f16 = out.kind == Compression::f16;
        (is_f16 ? kernels.encode_f16 : kernels.encode_bf16)(values, codes.data(),
                                                            Chunk::rounded_up(count));
        std::memcpy(out.codes + first * sizeof codes[0], codes.data(), count * sizeof codes[0]);
        return;
    }
    std::array<std::int8_t, chunk_elements> codes;
    for (std::size_t at = 0; at < count; at += int8_block) {
        const std::size_t size = Chunk::rounded_up(std::min(int8_block, count - at));
        const float scale = kernels.encode_int8(values + at, codes.data() + at, size);
        std::memcpy(out.scales + (first + at) / int8_block * sizeof scale, &scale, sizeof scale);
    }
    std::memcpy(out.codes + first, codes.data(), count);
}

void decode(const Encoded<const std::byte>& from, std::size_t first, std::size_t count,
            Chunk& chunk) {
    const CodingKernels& kernels = merge_kernels().coding;
    float* const values = chunk.floats.data();
    const std::size_t padded = Chunk::rounded_up(count);
    if (from.kind != Compression::int8) {
        std::array<std::uint16_t, chunk_elements> codes;
        std::memcpy(codes.data(), from.codes + first * sizeof codes[0], count * sizeof codes[0]);
        std::fill(codes.begin() + static_cast<std::ptrdiff_t>(count),
                  codes.begin() + static_cast<std::ptrdiff_t>(padded), std::uint16_t{0});
        const bool is_f16 = from.kind == Compression::f16;
        (is_f16 ? kernels.decode_f16 : kernels.decode_bf16)(codes.data(), values, padded);
        return;
    }
    std::array<std::int8_t, chunk_elements> codes;
    std::memcpy(codes.data(), from.codes + first, count);
    std::fill(codes.begin() + static_cast<std::ptrdiff_t>(count),
              codes.begin() + static_cast<std::ptrdiff_t>(padded), std::int8_t{0});
    for (std::size_t at = 0; at < count; at += int8_block) {
        float scale;
        std::memcpy(&scale, from.scales + (first + at) / int8_block * sizeof scale, sizeof scale);
        kernels.decode_int8(codes.data() + at, scale, values + at,
                            Chunk::rounded_up(std::min(int8_block, count - at)));
    }
}

const std::byte* at_element(const std::byte* run, std::size_t element) {
    return run == nullptr ? nullptr : run + element * sizeof(float);
}

}  // namespace

std::size_t dense_bytes(Compression kind, std::size_t elements) {
    return kind == Compression::int8 ? elements + block_count(elements) * sizeof(float)
                                     : elements * sizeof(std::uint16_t);
}

void encode_dense(Compression kind, std::size_t elements, const std::byte* values,
                  const std::byte* reference, ErrorFeedback feedback, std::byte* out) {
    const CodingKernels& kernels = merge_kernels().coding;
    const Encoded<std::byte> encoded(kind, out, elements);
    Chunk wanted, base, coded;
    for (std::size_t first = 0; first < elements; first += chunk_elements) {
        const std::size_t count = std::min(chunk_elements, elements - first);
        const std::size_t padded = Chunk::rounded_up(count);
        wanted.load(at_element(values, first), count);
        base.load(at_element(reference, first), count);
        if (feedback.residual != nullptr) {
            coded.load(at_element(feedback.residual, first), count);
            kernels.add(wanted.floats.data(), coded.floats.data(), wanted.floats.data(), padded);
        }
        kernels.subtract(wanted.floats.data(), base.floats.data(), coded.floats.data(), padded);
        encode(coded, count, first, encoded);
        if (feedback.lost != nullptr) {
            decode({kind, out, elements}, first, count, coded);
            kernels.add(base.floats.data(), coded.floats.data(), base.floats.data(), padded);
            kernels.residual(wanted.floats.data(), base.floats.data(), coded.floats.data(), padded);
            std::memcpy(feedback.lost + first * sizeof(float), coded.floats.data(),
                        count * sizeof(float));
        }
    }
}

void decode_dense(Compression kind, std::size_t elements, const std::byte* from,
                  const std::byte* reference, std::byte* values) {
    const Encoded<const std::byte> encoded(kind, from, elements);
    Chunk base, differences;
    for (std::size_t first = 0; first < elements; first += chunk_elements) {
        const std::size_t count = std::min(chunk_elements, elements - first);
        base.load(at_element(reference, first), count);
        decode(encoded, first, count, differences);
        merge_kernels().coding.add(base.floats.data(), differences.floats.data(),
                                   base.floats.data(), Chunk::rounded_up(count));
        std::memcpy(values + first * sizeof(float), base.floats.data(), count * sizeof(float));
    }
}

}  // namespace starling
