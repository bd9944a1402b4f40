// Encodings of a run of elements. Integer and binary32 arithmetic in a fixed order
// (-ffp-contract=off), so every machine decodes the same bytes.
#include "core/merge/element_coding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "core/merge/half.hpp"
#include "core/params/segments.hpp"

namespace starling {
namespace {

constexpr std::size_t int8_block = 256;  ///< elements with one scale
constexpr float int8_levels = 127.0F;
/// 1.5 * 2^23: the sum of a small number and this one is rounded to a whole one, ties to even.
constexpr float rounding_offset = 12'582'912.0F;
/// Bits of magnitudes order like the magnitudes, with infinity and NaN on top (IEEE 754).
constexpr std::uint32_t infinity_bits = 0x7f80'0000U;
constexpr float f16_largest = 65504.0F;
constexpr std::size_t index_bytes = 2;  ///< a part has at most 65,536 elements
constexpr std::size_t entry_bytes = index_bytes + sizeof(float);
static_assert(segment_bytes / sizeof(float) <= 65'536);

std::size_t block_count(std::size_t elements) { return (elements + int8_block - 1) / int8_block; }

void append_bytes(Bytes& out, const void* data, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + size);
}

std::uint16_t to_f16(float value) {
    // A finite value stays finite.
    return f32_to_f16(std::isfinite(value) ? std::clamp(value, -f16_largest, f16_largest) : value);
}

void encode_half(std::span<const float> values, bool is_f16, Bytes& out) {
    std::vector<std::uint16_t> codes(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        codes[i] = is_f16 ? to_f16(values[i]) : f32_to_bf16(values[i]);
    }
    append_bytes(out, codes.data(), codes.size() * sizeof(std::uint16_t));
}

void decode_half(const std::byte* from, bool is_f16, std::span<float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint16_t code;
        std::memcpy(&code, from + i * sizeof code, sizeof code);
        values[i] = is_f16 ? f16_to_f32(code) : bf16_to_f32(code);
    }
}

/// The scales of all blocks, then one byte an element: value = code * scale. A block with a NaN or
/// an infinity has a NaN as its scale, and decodes to NaN.
void encode_int8(std::span<const float> values, Bytes& out) {
    std::vector<float> scales;
    std::vector<std::int8_t> codes(values.size(), 0);
    for (std::size_t begin = 0; begin < values.size(); begin += int8_block) {
        const auto block = values.subspan(begin, std::min(int8_block, values.size() - begin));
        std::uint32_t largest_bits = 0;
        for (const float value : block) {
            largest_bits = std::max(largest_bits, std::bit_cast<std::uint32_t>(std::fabs(value)));
        }
        if (largest_bits >= infinity_bits) {
            scales.push_back(std::numeric_limits<float>::quiet_NaN());
            continue;
        }
        const float scale = std::bit_cast<float>(largest_bits) / int8_levels;
        if (scale < std::numeric_limits<float>::min()) {  // the quotients would not be accurate
            scales.push_back(0.0F);
            continue;
        }
        scales.push_back(scale);
        for (std::size_t i = 0; i < block.size(); ++i) {
            const float rounded = (block[i] / scale + rounding_offset) - rounding_offset;
            codes[begin + i] =
                static_cast<std::int8_t>(std::clamp(rounded, -int8_levels, int8_levels));
        }
    }
    append_bytes(out, scales.data(), scales.size() * sizeof(float));
    append_bytes(out, codes.data(), codes.size());
}

void decode_int8(const std::byte* from, std::span<float> values) {
    const std::byte* const codes = from + block_count(values.size()) * sizeof(float);
    for (std::size_t i = 0; i < values.size(); ++i) {
        float scale;
        std::memcpy(&scale, from + i / int8_block * sizeof scale, sizeof scale);
        values[i] = static_cast<float>(static_cast<std::int8_t>(codes[i])) * scale;
    }
}

bool is_sparse(std::size_t kept, std::size_t elements) {
    return kept * entry_bytes < elements * sizeof(float);
}

}  // namespace

std::size_t coded_bytes(Compression kind, std::size_t elements) {
    return kind == Compression::int8 ? elements + block_count(elements) * sizeof(float)
                                     : elements * sizeof(std::uint16_t);
}

void encode_values(Compression kind, std::span<const float> values, Bytes& out) {
    if (kind == Compression::int8) {
        encode_int8(values, out);
    } else {
        encode_half(values, kind == Compression::f16, out);
    }
}

void decode_values(Compression kind, const std::byte* from, std::span<float> values) {
    if (kind == Compression::int8) {
        decode_int8(from, values);
    } else {
        decode_half(from, kind == Compression::f16, values);
    }
}

std::size_t kept_count(double fraction, std::size_t elements) {
    const double wanted = std::ceil(fraction * static_cast<double>(elements));
    return std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, elements);
}

std::size_t listed_bytes(std::size_t kept, std::size_t elements) {
    return sizeof(std::uint32_t) +
           (is_sparse(kept, elements) ? kept * entry_bytes : elements * sizeof(float));
}

void encode_listed(std::span<const float> values, std::span<const std::uint16_t> indices,
                   Bytes& out) {
    const bool sparse = is_sparse(indices.size(), values.size());
    const auto count = static_cast<std::uint32_t>(sparse ? indices.size() : values.size());
    append_bytes(out, &count, sizeof count);
    if (!sparse) {
        append_bytes(out, values.data(), values.size() * sizeof(float));
        return;
    }
    append_bytes(out, indices.data(), indices.size() * index_bytes);
    for (const std::uint16_t index : indices) {
        append_bytes(out, &values[index], sizeof(float));
    }
}

std::vector<std::uint16_t> largest_changes(std::span<const float> values,
                                           std::span<const float> reference, std::size_t kept) {
    std::vector<std::uint64_t> keys(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(std::fabs(values[i] - reference[i]));
        keys[i] = (std::uint64_t{bits} << 16U) | (0xffffU - i);
    }
    std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(kept) - 1, keys.end(),
                     std::greater<>());
    std::vector<std::uint16_t> indices(kept);
    std::transform(
        keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(kept), indices.begin(),
        [](std::uint64_t key) { return static_cast<std::uint16_t>(0xffffU - (key & 0xffffU)); });
    std::sort(indices.begin(), indices.end());
    return indices;
}

std::vector<std::uint16_t> all_changes(std::span<const float> values,
                                       std::span<const float> reference) {
    std::vector<std::uint16_t> indices;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::memcmp(&values[i], &reference[i], sizeof(float)) != 0) {
            indices.push_back(static_cast<std::uint16_t>(i));
        }
    }
    return indices;
}

std::optional<std::size_t> checked_listed_bytes(ByteView encoded, std::size_t elements,
                                                bool has_reference) {
    std::uint32_t count = 0;
    if (encoded.size() < sizeof count) {
        return std::nullopt;
    }
    std::memcpy(&count, encoded.data(), sizeof count);
    if (count == elements) {
        return sizeof count + elements * sizeof(float);
    }
    if (count > elements || !has_reference || encoded.size() < sizeof count + count * entry_bytes) {
        return std::nullopt;
    }
    std::size_t next = 0;  // the least index that may follow
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint16_t index;
        std::memcpy(&index, encoded.data() + sizeof count + i * index_bytes, sizeof index);
        if (index < next || index >= elements) {
            return std::nullopt;
        }
        next = std::size_t{index} + 1;
    }
    return sizeof count + count * entry_bytes;
}

std::size_t decode_listed(const std::byte* from, std::span<float> values) {
    std::uint32_t count;
    std::memcpy(&count, from, sizeof count);
    const std::byte* const body = from + sizeof count;
    if (count == values.size()) {
        std::memcpy(values.data(), body, values.size_bytes());
        return sizeof count + values.size_bytes();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        std::uint16_t index;
        std::memcpy(&index, body + i * index_bytes, sizeof index);
        std::memcpy(&values[index], body + count * index_bytes + i * sizeof(float), sizeof(float));
    }
    return sizeof count + count * entry_bytes;
}

}  // namespace starling
