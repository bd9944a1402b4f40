#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling {

// Encodings by top-k of a run of f32 elements, at most 65,536: see FORMAT.md. A count; the indices
// of so many elements, ascending; their values. Where all elements take no more bytes than that:
// the count of all, and all values.

/// Bytes of `kept` out of `elements` elements.
std::size_t listed_bytes(std::size_t kept, std::size_t elements);
/// How many elements a contribution has of so many.
std::size_t kept_count(double fraction, std::size_t elements);
/// The `kept` elements that differ most from the reference, of equal ones those with the lowest
/// indices. NaN and infinity differ most. \return their indices, ascending
std::vector<std::uint16_t> largest_changes(std::span<const float> values,
                                           std::span<const float> reference, std::size_t kept);
/// Elements whose bytes are not the reference's.
std::vector<std::uint16_t> all_changes(std::span<const float> values,
                                       std::span<const float> reference);
/// Appends to `out`.
void encode_listed(std::span<const float> values, std::span<const std::uint16_t> indices,
                   Bytes& out);
/// \param encoded  begins with the encoding
/// \return its size in bytes; nothing: it is not one of so many elements, or lists some of them
///     where there is no reference for the others
std::optional<std::size_t> checked_listed_bytes(ByteView encoded, std::size_t elements,
                                                bool has_reference);
/// \pre checked_listed_bytes() \param values  those of the reference
/// \return the encoding's size in bytes
std::size_t decode_listed(const std::byte* from, std::span<float> values);

}  // namespace starling
