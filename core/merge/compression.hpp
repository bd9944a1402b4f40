#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

/// How the f32 tensors of a model travel during a round; other tensors travel as they are. Part of
/// the contract. Travels on the wire: do not renumber.
enum class Compression : std::uint8_t {
    none = 0,
    f16 = 1,    ///< IEEE 754 binary16: half the bytes
    bf16 = 2,   ///< bfloat16: half the bytes
    int8 = 3,   ///< 8-bit integers with one scale per block: a quarter of the bytes
    top_k = 4,  ///< of each contribution only the elements that changed most
};

/// A compression with its parameter.
struct CompressionMethod {
    Compression kind = Compression::none;
    /// Of top_k: the part of each tensor's elements that a contribution has, over 0, at most 1.
    double fraction = 0.01;

    friend bool operator==(const CompressionMethod&, const CompressionMethod&) = default;
};

/// From "none", "f16", "bf16", "int8", "top-k" or "top-k:fraction=0.05". Errc::usage: anything
/// else; the message says what is possible.
Result<CompressionMethod> parse_compression(std::string_view text);
/// The same text; of top-k with its fraction.
std::string to_string(const CompressionMethod& method);
/// Whether the kind exists and its fraction is in range.
bool is_valid(const CompressionMethod& method);

}  // namespace starling
