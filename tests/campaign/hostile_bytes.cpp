#include "tests/campaign/hostile_bytes.hpp"

#include <cstring>
#include <limits>
#include <vector>

namespace starling::test {
namespace {

constexpr std::size_t count_bytes = sizeof(std::uint32_t);
constexpr std::size_t index_bytes = sizeof(std::uint16_t);

Bytes bytes_of(const Blob& blob) { return {blob.view().begin(), blob.view().end()}; }

template <typename T>
void put(Bytes& bytes, std::size_t at, T value) {
    if (at + sizeof value <= bytes.size()) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }
}

std::uint32_t listed_count(const Bytes& bytes) {
    std::uint32_t count = 0;
    if (bytes.size() >= count_bytes) {
        std::memcpy(&count, bytes.data(), count_bytes);
    }
    return count;
}

/// Whether it lists some of the elements, and not all.
bool lists_indices(const Bytes& bytes) {
    return bytes.size() == count_bytes + listed_count(bytes) * (index_bytes + sizeof(float));
}

void spoil_list(Bytes& bytes, Random& random) {
    const std::uint32_t count = listed_count(bytes);
    const std::uint32_t counts[] = {count + 1, count - 1, 0xffff'ffffU,
                                    static_cast<std::uint32_t>(random.next())};
    if (!lists_indices(bytes) || count < 2 || random.chance(0.3)) {
        put(bytes, 0, counts[random.below(std::size(counts))]);
        return;
    }
    const std::size_t last = count_bytes + (count - 1) * index_bytes;
    switch (random.below(3)) {
        case 0:  // beyond the end of the model
            put(bytes, last, std::uint16_t{0xffff});
            return;
        case 1:  // twice
            std::memcpy(bytes.data() + last, bytes.data() + last - index_bytes, index_bytes);
            return;
        default:  // out of order
            put(bytes, last, std::uint16_t{0});
            return;
    }
}

}  // namespace

Blob all_nan(std::size_t bytes) {
    const std::vector<float> values(bytes / sizeof(float), std::numeric_limits<float>::quiet_NaN());
    const auto view = std::as_bytes(std::span(values));
    Bytes body(view.begin(), view.end());
    body.resize(bytes);
    return Blob(std::move(body));
}

Blob with_another_bit(const Blob& blob, std::uint64_t bit) {
    Bytes bytes = bytes_of(blob);
    if (!bytes.empty()) {
        bytes[(bit % bytes.size()) / sizeof(float) * sizeof(float)] ^= std::byte{1};
    }
    return Blob(std::move(bytes));
}

Blob with_another_value(const Blob& encoded, Compression kind) {
    if (kind == Compression::none) {
        return with_another_bit(encoded, 0);
    }
    Bytes bytes = bytes_of(encoded);
    // The last value of a list, or a code of one of the last elements.
    if (bytes.size() > count_bytes) {
        bytes[bytes.size() - sizeof(float)] ^= std::byte{1};
    }
    return Blob(std::move(bytes));
}

Blob malformed(const Blob& encoded, Compression kind, Random& random) {
    Bytes bytes = bytes_of(encoded);
    if (kind == Compression::top_k && random.chance(0.6)) {
        spoil_list(bytes, random);
        return Blob(std::move(bytes));
    }
    switch (random.below(4)) {
        case 0:
            bytes.clear();
            break;
        case 1:
            bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), 1));
            break;
        case 2:
            bytes.push_back(std::byte{0});
            break;
        default:
            bytes.resize(2 * bytes.size() + 2);
            break;
    }
    return Blob(std::move(bytes));
}

Blob with_non_finite_code(const Blob& encoded, Compression kind, Random& random) {
    Bytes bytes = bytes_of(encoded);
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const float value = random.chance(0.5) ? nan : random.chance(0.5) ? infinity : -infinity;
    const std::uint64_t at = random.next();
    if (kind == Compression::f16 || kind == Compression::bf16) {
        const std::uint16_t infinite = kind == Compression::f16 ? 0x7c00 : 0x7f80;
        const std::uint16_t sign = random.chance(0.5) ? 0x8000 : 0;
        put(bytes, at % (bytes.size() / 2 + 1) * 2, static_cast<std::uint16_t>(infinite | sign));
    } else if (kind == Compression::int8) {
        put(bytes, 0, value);  // the scale of the first block
    } else if (bytes.size() > count_bytes) {
        put(bytes, bytes.size() - sizeof value, value);
    }
    return Blob(std::move(bytes));
}

}  // namespace starling::test
