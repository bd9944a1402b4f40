// Vectors of the compiler (GCC and clang), and how elements are read into them and written.

using Size = std::size_t;

/// Doubles in a vector.
constexpr Size lanes = STARLING_VECTOR_BYTES / sizeof(double);

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

/// `lanes` elements, as doubles.
template <typename Element>
inline F64 read(const std::byte* from);
template <>
inline F64 read<float>(const std::byte* from) {
    return __builtin_convertvector(load<F32>(from), F64);
}
template <>
inline F64 read<double>(const std::byte* from) {
    return load<F64>(from);
}

/// Rounded to the element's type.
template <typename Element>
inline void write(const F64& vector, std::byte* to);
template <>
inline void write<float>(const F64& vector, std::byte* to) {
    store(__builtin_convertvector(vector, F32), to);
}
template <>
inline void write<double>(const F64& vector, std::byte* to) {
    store(vector, to);
}

template <typename Element>
inline double read_one(const std::byte* from) {
    return static_cast<double>(load<Element>(from));
}
template <typename Element>
inline void write_one(double value, std::byte* to) {
    store(static_cast<Element>(value), to);
}

/// Bytes that the processor fetches at once.
constexpr Size line_bytes = 64;

/// Asks for a line that will be needed soon; beyond the end of a run that does nothing.
inline void fetch_ahead(const std::byte* line) { __builtin_prefetch(line, 0, 3); }
/// The same, for so many lines that the first-level cache can't hold them.
inline void fetch_far_ahead(const std::byte* line) { __builtin_prefetch(line, 0, 2); }
