// Arithmetic of the compressions f16, bf16 and int8: see CodingKernels. Integers select between the
// forms of a result, so that there is no branch for an element.

using Floats = float __attribute__((vector_size(STARLING_VECTOR_BYTES)));
using Words = std::int32_t __attribute__((vector_size(STARLING_VECTOR_BYTES)));
constexpr Size float_lanes = STARLING_VECTOR_BYTES / sizeof(float);
using Halves = std::uint16_t __attribute__((vector_size(STARLING_VECTOR_BYTES / 2)));
using Octets = std::int8_t __attribute__((vector_size(STARLING_VECTOR_BYTES / 4)));

constexpr std::int32_t infinity_bits = 0x7f80'0000;
constexpr std::int32_t quiet_nan_bits = 0x7fc0'0000;
constexpr std::int32_t magnitude_bits = 0x7fff'ffff;

inline Words bits_of(const Floats& floats) { return reinterpret_cast<Words>(floats); }
inline Floats floats_of(const Words& bits) { return reinterpret_cast<Floats>(bits); }
inline Words all_words(std::int32_t value) { return value - Words{}; }
/// Where `mask` is -1 (and not 0) the first.
inline Words select(const Words& mask, const Words& where_set, const Words& elsewhere) {
    return (mask & where_set) | (~mask & elsewhere);
}
inline Words is_finite(const Words& bits) {
    return reinterpret_cast<Words>((bits & magnitude_bits) < infinity_bits);
}

/// One canonical NaN, and infinity only where an operand is infinite: see CodingKernels.
inline Floats limited(const Floats& result, const Floats& a, const Floats& b) {
    const Words bits = bits_of(result);
    const Words magnitude = bits & magnitude_bits;
    const auto is_nan = reinterpret_cast<Words>(magnitude > infinity_bits);
    const auto is_infinite = reinterpret_cast<Words>(magnitude == infinity_bits);
    const Words overflow = is_infinite & is_finite(bits_of(a)) & is_finite(bits_of(b));
    // The mask is -1, and the number before infinity is the largest finite one, of either sign.
    return floats_of(select(is_nan, all_words(quiet_nan_bits), bits + overflow));
}

void add(const float* a, const float* b, float* sums, Size count) {
    for (Size i = 0; i < count; i += float_lanes) {
        const auto left = load<Floats>(a + i);
        const auto right = load<Floats>(b + i);
        store(limited(left + right, left, right), sums + i);
    }
}

void subtract(const float* a, const float* b, float* differences, Size count) {
    constexpr std::int32_t largest = 0x7f00'0000;  // 2^127
    for (Size i = 0; i < count; i += float_lanes) {
        const auto left = load<Floats>(a + i);
        const auto right = load<Floats>(b + i);
        const Words bits = bits_of(limited(left - right, left, right));
        const auto above = reinterpret_cast<Words>((bits & magnitude_bits) > largest);
        store(select(above & is_finite(bits), largest | (bits & ~magnitude_bits), bits),
              differences + i);
    }
}

void residual(const float* wanted, const float* decoded, float* residuals, Size count) {
    for (Size i = 0; i < count; i += float_lanes) {
        const Words bits = bits_of(load<Floats>(wanted + i) - load<Floats>(decoded + i));
        store(bits & is_finite(bits), residuals + i);
    }
}

float encode_int8(const float* values, std::int8_t* codes, Size count) {
    constexpr float levels = 127.0F;
    constexpr float least_scale = 0x1p-126F;  // smaller ones are not accurate
    // 1.5 * 2^23: the sum of a small number and this one is rounded to a whole one, ties to even.
    constexpr float rounding_offset = 12'582'912.0F;
    Words largest{};
    for (Size i = 0; i < count; i += float_lanes) {
        const Words magnitude = load<Words>(values + i) & magnitude_bits;
        largest = select(reinterpret_cast<Words>(magnitude > largest), magnitude, largest);
    }
    std::int32_t largest_bits = 0;
    for (Size lane = 0; lane < float_lanes; ++lane) {
        largest_bits = largest[lane] > largest_bits ? largest[lane] : largest_bits;
    }
    const bool is_infinite = largest_bits >= infinity_bits;
    const float scale = is_infinite ? __builtin_nanf("") : load<float>(&largest_bits) / levels;
    if (is_infinite || scale < least_scale) {
        __builtin_memset(codes, 0, count);
        return is_infinite ? scale : 0.0F;
    }
    for (Size i = 0; i < count; i += float_lanes) {
        // At most 127, since the scale's relative error is at most 2^-24.
        const Floats rounded =
            (load<Floats>(values + i) / scale + rounding_offset) - rounding_offset;
        store(__builtin_convertvector(__builtin_convertvector(rounded, Words), Octets), codes + i);
    }
    return scale;
}

/// A loop that the compiler makes vectors of: GCC 12 widens a vector of bytes one by one.
void decode_int8(const std::int8_t* __restrict codes, float scale, float* __restrict values,
                 Size count) {
    for (Size i = 0; i < count; ++i) {
        values[i] = static_cast<float>(codes[i]) * scale;
    }
}

/// The lower halves of the words.
inline void store_halves(const Words& words, std::uint16_t* to) {
    store(__builtin_convertvector(words, Halves), to);
}
inline Words load_halves(const std::uint16_t* from) {
    return __builtin_convertvector(load<Halves>(from), Words);
}

// As in core/merge/half.cpp, which explains the constants.

void encode_f16(const float* values, std::uint16_t* codes, Size count) {
    constexpr std::int32_t largest = 0x477f'e000;  // 65504: what is finite stays finite
    for (Size i = 0; i < count; i += float_lanes) {
        const auto bits = load<Words>(values + i);
        const Words magnitude = bits & magnitude_bits;
        const Words is_large = reinterpret_cast<Words>(magnitude > largest) & is_finite(bits);
        const Words kept = select(is_large, all_words(largest), magnitude);
        const Words normal = (kept + 0xfff + ((kept >> 13) & 1) - 0x3800'0000) >> 13;
        const Words subnormal = bits_of(floats_of(kept) + 0.5F) - 0x3f00'0000;
        const auto is_nan = reinterpret_cast<Words>(magnitude > infinity_bits);
        const auto is_small = reinterpret_cast<Words>(magnitude < 0x3880'0000);
        const Words finite = select(is_small, subnormal, normal);
        const Words code = select(is_finite(bits), finite, 0x7c00 | (is_nan & 0x200));
        store_halves(code | ((bits >> 16) & 0x8000), codes + i);
    }
}

void decode_f16(const std::uint16_t* codes, float* values, Size count) {
    for (Size i = 0; i < count; i += float_lanes) {
        const Words code = load_halves(codes + i);
        const Words mantissa = code & 0x3ff;
        const Words exponent = code & 0x7c00;
        const Words shifted = (code & 0x7fff) << 13;
        const Words subnormal = bits_of(__builtin_convertvector(mantissa, Floats) * 0x1p-24F);
        const auto is_small = reinterpret_cast<Words>(exponent == 0);
        const auto is_special = reinterpret_cast<Words>(exponent == 0x7c00);
        const Words normal =
            select(is_special, infinity_bits | (mantissa << 13), shifted + 0x3800'0000);
        store(select(is_small, subnormal, normal) | ((code & 0x8000) << 16), values + i);
    }
}

void encode_bf16(const float* values, std::uint16_t* codes, Size count) {
    for (Size i = 0; i < count; i += float_lanes) {
        const auto bits = load<Words>(values + i);
        const auto is_nan = reinterpret_cast<Words>((bits & magnitude_bits) > infinity_bits);
        const Words upper = (bits >> 16) & 0xffff;
        const Words rounded = ((bits & magnitude_bits) + 0x7fff + (upper & 1)) >> 16;
        store_halves(select(is_nan, upper | 0x40, rounded | (upper & 0x8000)), codes + i);
    }
}

void decode_bf16(const std::uint16_t* codes, float* values, Size count) {
    for (Size i = 0; i < count; i += float_lanes) {
        store(load_halves(codes + i) << 16, values + i);
    }
}

constexpr CodingKernels coding_kernels = {add,         subtract,    residual,
                                          encode_int8, decode_int8, encode_f16,
                                          decode_f16,  encode_bf16, decode_bf16};
