#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// What becomes of a contribution with a NaN or an infinity in it, which would be in everybody's
/// model after the merge. Travels on the wire: do not renumber.
enum class NonFinitePolicy : std::uint8_t {
    refuse = 1,  ///< the round is merged without it, and its member is named
    warn = 2,    ///< it is merged, and its member is named
    allow = 3,   ///< it is merged, and nobody is named
};

std::string_view to_string(NonFinitePolicy policy);
/// Errc::usage: none of "refuse", "warn", "allow".
Result<NonFinitePolicy> parse_non_finite_policy(std::string_view text);

/// Whether a segment of the parameter vector holds a NaN or an infinity (IEEE 754: all bits of the
/// exponent set) in a tensor of a floating type; in f64 also a value of 2^1000 or more, with which
/// a mean of finite values would be infinite. A phantom, or one of another size than the layout's,
/// holds none. Cost: one pass over the bytes, 10 us for 256 KiB.
bool holds_non_finite(const ParamLayout& layout, std::uint32_t segment, const Blob& body);

/// The same, of bytes that are not shared yet. \pre they are of the layout's size
bool holds_non_finite(const ParamLayout& layout, std::uint32_t segment, ByteView bytes);

/// Replaces each NaN in the segment's floating tensors by the canonical one: positive, quiet, the
/// rest of the payload 0. A sum of two NaN is one of them, and which one depends on the order of
/// operands that a compiler has chosen, so vector units would differ.
/// \pre the bytes are of the layout's size
void make_nan_canonical(const ParamLayout& layout, std::uint32_t segment,
                        std::span<std::byte> bytes);

/// The name of the first tensor of the segment with such a value, for people.
std::optional<std::string> first_non_finite_tensor(const ParamLayout& layout, std::uint32_t segment,
                                                   const Blob& body);

}  // namespace starling
