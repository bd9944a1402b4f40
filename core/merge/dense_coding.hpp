#pragma once

#include <cstddef>

#include "core/merge/compression.hpp"

namespace starling {

// Encodings by f16, bf16 or int8 of the differences between a run of f32 elements and those of a
// reference: see FORMAT.md. Pointers are to bytes, which may be unaligned; those of a reference may
// be nullptr, which stands for zeros.

/// Bytes of `elements` encoded elements.
std::size_t dense_bytes(Compression kind, std::size_t elements);

/// What error feedback adds to a run and takes from it.
struct ErrorFeedback {
    const std::byte* residual = nullptr;  ///< to be added to the values; nullptr: zeros
    std::byte* lost = nullptr;            ///< nullptr: there is no feedback
};

/// Differences are limited to 2^127, so what is finite stays so. NaN stays NaN; with int8 so does
/// its block.
/// \param out  dense_bytes() bytes
void encode_dense(Compression kind, std::size_t elements, const std::byte* values,
                  const std::byte* reference, ErrorFeedback feedback, std::byte* out);
/// \param from    dense_bytes() bytes
/// \param values  4 * `elements` bytes
void decode_dense(Compression kind, std::size_t elements, const std::byte* from,
                  const std::byte* reference, std::byte* values);

}  // namespace starling
