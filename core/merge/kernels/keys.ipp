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
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(float);
    static constexpr std::int32_t largest = 0x7fffffff;
    static constexpr int sign_shift = 31;
};
template <>
struct KeysOf<double> {
    using Vector = I64;
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(double);
    static constexpr std::int64_t largest = 0x7fffffffffffffff;
    static constexpr int sign_shift = 63;
};

/// From bits to keys; the same function leads back.
template <typename Element>
inline typename KeysOf<Element>::Vector keys_of(const typename KeysOf<Element>::Vector& bits) {
    return bits ^ ((bits >> KeysOf<Element>::sign_shift) & KeysOf<Element>::largest);
}

template <typename Element>
inline typename KeysOf<Element>::Vector load_keys(const std::byte* from) {
    return keys_of<Element>(load<typename KeysOf<Element>::Vector>(from));
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
