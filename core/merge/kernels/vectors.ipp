// Vectors of the compiler (GCC and clang), and how elements are read into them and written.

using Size = std::size_t;

/// Doubles in a vector.
constexpr Size lanes = STARLING_VECTOR_BYTES / sizeof(double);

/// How far ahead memory is best asked for depends on the processor. Processors without AVX-512 are
/// measured by themselves.
constexpr bool is_avx2 = STARLING_VECTOR_BYTES == 32;

using F64 = double __attribute__((vector_size(STARLING_VECTOR_BYTES)));
using F32 = float __attribute__((vector_size(STARLING_VECTOR_BYTES / 2)));  // as many as an F64

constexpr Size smaller(Size a, Size b) { return a < b ? a : b; }

/// Unaligned.
template <typename Vector>
inline Vector load(const void* from) {
    Vector vector;
    __builtin_memcpy(&vector, from, sizeof vector);
    return vector;
}
template <typename Vector>
inline void store(const Vector& vector, void* to) {
    __builtin_memcpy(to, &vector, sizeof vector);
}

inline F64 all(double value) { return value - F64{}; }  // a sum would make +0 of -0

/// As doubles. The intrinsics are one instruction, where GCC 12 makes four of the same conversion.
inline F64 widened(const F32& floats) {
#if STARLING_VECTOR_BYTES == 64
    return reinterpret_cast<F64>(_mm512_maskz_cvtps_pd(0xff, reinterpret_cast<__m256>(floats)));
#elif STARLING_VECTOR_BYTES == 32
    return reinterpret_cast<F64>(_mm256_cvtps_pd(reinterpret_cast<__m128>(floats)));
#else
    return __builtin_convertvector(floats, F64);
#endif
}

/// `lanes` elements, as doubles.
template <typename Element>
inline F64 read(const std::byte* from);
template <>
inline F64 read<float>(const std::byte* from) {
    return widened(load<F32>(from));
}
template <>
inline F64 read<double>(const std::byte* from) {
    return load<F64>(from);
}

template <typename Vector>
inline void stream(const Vector& vector, std::byte* to) {
#if STARLING_VECTOR_BYTES > 16
    if constexpr (sizeof(Vector) == 64) {
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to), reinterpret_cast<__m512i>(vector));
    } else if constexpr (sizeof(Vector) == 32) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(vector));
    } else {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to), reinterpret_cast<__m128i>(vector));
    }
#else
    store(vector, to);
#endif
}

/// Where results go.
struct Out {
    /// \param wanted  see KernelOut
    Out(std::byte* to, bool wanted)
        : bytes(to),
          streams(STARLING_VECTOR_BYTES > 16 && wanted &&
                  reinterpret_cast<std::uintptr_t>(to) % line_bytes == 0) {}

    /// Vectors that follow each other, at a multiple of their size.
    template <typename Vector, Size Count>
    void put(const Vector (&vectors)[Count], Size at) const {
        std::byte* const to = bytes + at;
        if (streams) {
            for (Size v = 0; v < Count; ++v) {
                stream(vectors[v], to + v * sizeof(Vector));
            }
        } else {
            for (Size v = 0; v < Count; ++v) {
                store(vectors[v], to + v * sizeof(Vector));
            }
        }
    }
    /// Other threads may read what was written, once they know of it.
    void finish() const {
#if STARLING_VECTOR_BYTES > 16
        if (streams) {
            _mm_sfence();
        }
#endif
    }

    std::byte* bytes;
    bool streams;  ///< past the caches, in whole lines
};

/// Rounded to the element's type.
template <typename Element, Size Count>
inline void write(const F64 (&vectors)[Count], const Out& out, Size at) {
    if constexpr (sizeof(Element) == sizeof(double)) {
        out.put(vectors, at);
    } else {
        F32 rounded[Count];
        for (Size v = 0; v < Count; ++v) {
            rounded[v] = __builtin_convertvector(vectors[v], F32);
        }
        out.put(rounded, at);
    }
}

template <typename Element>
inline double read_one(const std::byte* from) {
    return static_cast<double>(load<Element>(from));
}
template <typename Element>
inline void write_one(double value, std::byte* to) {
    store(static_cast<Element>(value), to);
}

/// Asks for a line that will be needed soon; beyond the end of a run that does nothing. On AVX2
/// into the second-level cache: there, requests for the first level take the places of those that
/// the processor's own prefetchers make, and these are faster.
inline void fetch_ahead(const std::byte* line) { __builtin_prefetch(line, 0, is_avx2 ? 2 : 3); }
/// The same, for so many lines that the first-level cache can't hold them.
inline void fetch_far_ahead(const std::byte* line) { __builtin_prefetch(line, 0, 2); }
