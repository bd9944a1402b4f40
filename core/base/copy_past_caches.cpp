#include "core/base/copy_past_caches.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

namespace starling {

#ifdef __x86_64__

namespace {

constexpr std::size_t line_bytes = 64;
/// Of SSE2, which every x86-64 has. Wider ones are not faster: the memory is the limit.
constexpr std::size_t vector_bytes = sizeof(__m128i);

void copy_line(std::byte* to, const std::byte* from) {
    __m128i parts[line_bytes / vector_bytes];
    for (std::size_t i = 0; i < line_bytes / vector_bytes; ++i) {
        parts[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * vector_bytes));
    }
    for (std::size_t i = 0; i < line_bytes / vector_bytes; ++i) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i * vector_bytes), parts[i]);
    }
}

}  // namespace

void copy_past_caches(std::byte* to, ByteView from) {
    const std::size_t into_line = reinterpret_cast<std::uintptr_t>(to) % line_bytes;
    const std::size_t before = std::min((line_bytes - into_line) % line_bytes, from.size());
    std::memcpy(to, from.data(), before);
    std::size_t at = before;
    for (; at + line_bytes <= from.size(); at += line_bytes) {
        copy_line(to + at, from.data() + at);
    }
    std::memcpy(to + at, from.data() + at, from.size() - at);
    _mm_sfence();
}

#else

void copy_past_caches(std::byte* to, ByteView from) { std::memcpy(to, from.data(), from.size()); }

#endif

}  // namespace starling
