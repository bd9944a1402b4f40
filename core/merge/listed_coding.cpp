#include "core/merge/listed_coding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "core/params/segments.hpp"

namespace starling {
namespace {

constexpr std::size_t index_bytes = 2;  ///< a part has at most 65,536 elements
constexpr std::size_t entry_bytes = index_bytes + sizeof(float);
static_assert(segment_bytes / sizeof(float) <= 65'536);

void append_bytes(Bytes& out, const void* data, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + size);
}

bool is_sparse(std::size_t kept, std::size_t elements) {
    return kept * entry_bytes < elements * sizeof(float);
}

}  // namespace

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
