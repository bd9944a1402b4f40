// Elements are compared as integers that have the order of IEEE 754's totalOrder, in which -NaN are
// the least numbers, NaN the greatest, and -0 is below +0. So a NaN is an extreme value like any,
// and the order of equal numbers can't matter.

using I32 = std::int32_t __attribute__((vector_size(STARLING_VECTOR_BYTES)));
using I64 = std::int64_t __attribute__((vector_size(STARLING_VECTOR_BYTES)));

template <typename Element>
struct KeysOf;
template <>
struct KeysOf<float> {
    using Vector = I32;
    using Numbers = float __attribute__((vector_size(STARLING_VECTOR_BYTES)));
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(float);
    static constexpr std::int32_t largest = 0x7fffffff;
    static constexpr std::int32_t nan = 0x7fc00000;
    static constexpr int sign_shift = 31;
};
template <>
struct KeysOf<double> {
    using Vector = I64;
    using Numbers = F64;
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(double);
    static constexpr std::int64_t largest = 0x7fffffffffffffff;
    static constexpr std::int64_t nan = 0x7ff8000000000000;
    static constexpr int sign_shift = 63;
};

/// From bits to keys; the same function leads back. AVX2 chooses by the sign bit in one
/// instruction, which saves one of three.
template <typename Element>
inline typename KeysOf<Element>::Vector keys_of(const typename KeysOf<Element>::Vector& bits) {
#if STARLING_VECTOR_BYTES == 32
    using Vector = typename KeysOf<Element>::Vector;
    const Vector flipped = bits ^ KeysOf<Element>::largest;
    if constexpr (sizeof(Element) == sizeof(float)) {
        return reinterpret_cast<Vector>(_mm256_blendv_ps(reinterpret_cast<__m256>(bits),
                                                         reinterpret_cast<__m256>(flipped),
                                                         reinterpret_cast<__m256>(bits)));
    } else {
        return reinterpret_cast<Vector>(_mm256_blendv_pd(reinterpret_cast<__m256d>(bits),
                                                         reinterpret_cast<__m256d>(flipped),
                                                         reinterpret_cast<__m256d>(bits)));
    }
#else
    return bits ^ ((bits >> KeysOf<Element>::sign_shift) & KeysOf<Element>::largest);
#endif
}

template <typename Element>
inline typename KeysOf<Element>::Vector load_keys(const std::byte* from) {
    return keys_of<Element>(load<typename KeysOf<Element>::Vector>(from));
}

/// Of a row that is not there: below or above all others.
template <typename Element>
inline typename KeysOf<Element>::Vector missing_key(bool is_low) {
    const typename KeysOf<Element>::Vector zero = {};
    return is_low ? zero - KeysOf<Element>::largest - 1 : zero + KeysOf<Element>::largest;
}

/// Elements that keys stand for, for reading them as doubles.
template <typename Element>
struct Values {
    using Keys = KeysOf<Element>;
    static constexpr Size vectors = Keys::size / lanes;

    explicit Values(const typename Keys::Vector& keys) : bits(keys_of<Element>(keys)) {}
    template <Size Vector>
    F64 at() const {
        if constexpr (vectors == 1) {
            return reinterpret_cast<F64>(bits);
        } else {
            return part<Vector * lanes>(std::make_index_sequence<lanes>{});
        }
    }

private:
    template <Size First, Size... Lane>
    F64 part(std::index_sequence<Lane...>) const {
        return widened(
            reinterpret_cast<F32>(__builtin_shufflevector(bits, bits, (First + Lane)...)));
    }

    typename Keys::Vector bits;
};

template <typename Vector, typename Part, Size... Lane>
inline Vector joined(const Part& low, const Part& high, std::index_sequence<Lane...>) {
    return reinterpret_cast<Vector>(__builtin_shufflevector(low, high, Lane...));
}
/// Rounded to the element's type, as bits. Of a sum of two NaN, the compiler's order of operands
/// decides which payload is left, so there is one NaN for all.
template <typename Element>
inline typename KeysOf<Element>::Vector rounded(const F64 (&wide)[Values<Element>::vectors]) {
    using Numbers = typename KeysOf<Element>::Numbers;
    Numbers numbers;
    if constexpr (Values<Element>::vectors == 1) {
        numbers = wide[0];
    } else {
        numbers = joined<Numbers>(__builtin_convertvector(wide[0], F32),
                                  __builtin_convertvector(wide[1], F32),
                                  std::make_index_sequence<2 * lanes>{});
    }
    const auto bits = reinterpret_cast<typename KeysOf<Element>::Vector>(numbers);
    return numbers == numbers ? bits : KeysOf<Element>::nan - typename KeysOf<Element>::Vector{};
}
