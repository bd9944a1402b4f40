// Encodings by f16, bf16 and int8 against the straightforward computation of each element, to the
// bit, with every vector unit of this machine.
#include "core/merge/dense_coding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"
#include "core/merge/half.hpp"
#include "core/merge/kernels/vector_unit.hpp"

namespace starling::test {
namespace {

constexpr std::size_t block = 256;  ///< elements with one scale of int8

float limited_sum(float a, float b) {
    const float sum = a + b;
    if (std::isnan(sum)) {
        return std::numeric_limits<float>::quiet_NaN();
    }
    return std::isinf(sum) && std::isfinite(a) && std::isfinite(b)
               ? std::copysign(std::numeric_limits<float>::max(), sum)
               : sum;
}

float difference(float value, float reference) {
    const float exact = limited_sum(value, -reference);
    return std::isfinite(exact) ? std::clamp(exact, -0x1p127F, 0x1p127F) : exact;
}

/// A difference as it arrives, by the definition in FORMAT.md.
float arrived(Compression kind, float value, float largest) {
    if (kind == Compression::bf16) {
        return bf16_to_f32(f32_to_bf16(value));
    }
    if (kind == Compression::f16) {
        return f16_to_f32(
            f32_to_f16(std::isfinite(value) ? std::clamp(value, -65504.0F, 65504.0F) : value));
    }
    const float scale = largest / 127.0F;
    return !std::isfinite(largest)                     ? largest * 0.0F
           : scale < std::numeric_limits<float>::min() ? 0.0F
                                                       : std::nearbyint(value / scale) * scale;
}

struct Expected {
    std::vector<float> decoded, lost;
};

Expected expected(Compression kind, const std::vector<float>& values,
                  const std::vector<float>& reference, const std::vector<float>& residual) {
    Expected found;
    for (std::size_t begin = 0; begin < values.size(); begin += block) {
        const std::size_t end = std::min(values.size(), begin + block);
        std::vector<float> differences;
        float largest = 0.0F;
        for (std::size_t i = begin; i < end; ++i) {
            differences.push_back(difference(limited_sum(values[i], residual[i]), reference[i]));
            const float magnitude = std::fabs(differences.back());
            largest = std::isnan(largest) || magnitude <= largest ? largest : magnitude;
        }
        for (std::size_t i = begin; i < end; ++i) {
            const float wanted = limited_sum(values[i], residual[i]);
            const float came =
                limited_sum(reference[i], arrived(kind, differences[i - begin], largest));
            found.decoded.push_back(came);
            found.lost.push_back(std::isfinite(wanted - came) ? wanted - came : 0.0F);
        }
    }
    return found;
}

/// Values of all magnitudes, with special ones in the share `rare` of them.
std::vector<float> drawn(std::size_t count, double rare, Random& random) {
    const float special[] = {0.0F,
                             -0.0F,
                             1e-45F,
                             -3e-39F,
                             65504.0F,
                             65519.0F,
                             6e-8F,
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest(),
                             std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(),
                             std::bit_cast<float>(0x7f80'0001U),
                             std::bit_cast<float>(0xffc1'2345U)};
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i) {
        const auto one_of = static_cast<std::size_t>(random.uniform() * std::size(special));
        values.push_back(random.chance(rare)
                             ? special[one_of]
                             : static_cast<float>(std::ldexp(
                                   random.normal(), static_cast<int>(40 * random.uniform()) - 30)));
    }
    return values;
}

/// At an odd address.
struct Unaligned {
    explicit Unaligned(std::size_t size) : bytes(size + 1) {}
    explicit Unaligned(const std::vector<float>& values)
        : Unaligned(values.size() * sizeof(float)) {
        std::memcpy(at(), values.data(), values.size() * sizeof(float));
    }
    std::byte* at() { return bytes.data() + 1; }
    void expect_floats(const std::vector<float>& wanted, const std::string& where) {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            float found;
            std::memcpy(&found, at() + i * sizeof found, sizeof found);
            ASSERT_EQ(std::bit_cast<std::uint32_t>(found), std::bit_cast<std::uint32_t>(wanted[i]))
                << where << ", element " << i << ": " << found << " and not " << wanted[i];
        }
    }
    Bytes bytes;
};

void expect_as_defined(Compression kind, std::size_t count, double rare, std::uint64_t seed) {
    Random random(seed);
    const std::vector<float> values = drawn(count, rare, random);
    const std::vector<float> reference = drawn(count, rare, random);
    const std::vector<float> residual = drawn(count, rare, random);
    const Expected wanted = expected(kind, values, reference, residual);
    Bytes first;
    for (const VectorUnit unit : vector_units()) {
        use_vector_unit(unit);
        const std::string where = to_string({.kind = kind}) + " of " + std::to_string(count) +
                                  ", seed " + std::to_string(seed) + ", " +
                                  std::string(to_string(unit));
        Unaligned from(values), base(reference), rest(residual), lost(values), out(values);
        Unaligned encoded(dense_bytes(kind, count));
        encode_dense(kind, count, from.at(), base.at(), {rest.at(), lost.at()}, encoded.at());
        decode_dense(kind, count, encoded.at(), base.at(), out.at());
        ASSERT_NO_FATAL_FAILURE(out.expect_floats(wanted.decoded, where + ", decoded"));
        ASSERT_NO_FATAL_FAILURE(lost.expect_floats(wanted.lost, where + ", lost"));
        first = first.empty() ? encoded.bytes : first;
        ASSERT_EQ(encoded.bytes, first) << where;
    }
    use_vector_unit(vector_units().back());
}

TEST(DenseCoding, IsAsDefinedWithEveryVectorUnit) {
    for (const Compression kind : {Compression::f16, Compression::bf16, Compression::int8}) {
        std::uint64_t seed = 0;
        for (const std::size_t count : {1U, 31U, 256U, 257U, 1024U, 1500U, 5000U}) {
            for (const double rare : {0.0, 0.002, 0.3}) {
                ASSERT_NO_FATAL_FAILURE(expect_as_defined(kind, count, rare, ++seed));
            }
        }
    }
}

}  // namespace
}  // namespace starling::test
