#pragma once

#include <cstddef>
#include <span>

#include "core/base/hasher.hpp"

namespace starling {

/// A function of this CPU that computes SHA-256 (FIPS 180-4) of several messages at once. The
/// instructions for one message wait for each other: SHA-256 has no other parallelism.
struct Sha256Lanes {
    /// The most messages that any function hashes at once.
    static constexpr std::size_t max_count = 16;

    const char* name;
    /// Messages that are hashed at once.
    std::size_t count;
    /// With fewer messages it is faster to hash one after the other.
    std::size_t worth_using;
    /// Writes `count` digests of as many messages of `size` bytes each.
    /// \pre  fits_sha256_lanes(size)
    void (*hash)(const std::byte* const* messages, std::size_t size, Digest* digests);
};

/// Whether messages of `size` bytes can be hashed so: whole blocks, and a length in bits that fits
/// a word.
constexpr bool fits_sha256_lanes(std::size_t size) {
    return size % 64 == 0 && size <= std::size_t{1} << 28;
}

/// All functions that this CPU can run, the fastest first; empty if there is none.
std::span<const Sha256Lanes> sha256_lanes();

// What sha256_lanes() chooses from. It asks the CPU first.

namespace sha256::avx512 {
/// 16 messages, one in each 32-bit word of the vectors, as in S. Gueron and V. Krasnov,
/// "Simultaneous hashing of multiple messages", 2012. Needs AVX-512 F and BW.
void hash(const std::byte* const* messages, std::size_t size, Digest* digests);
}  // namespace sha256::avx512

namespace sha256::instructions {
/// Four messages in turns by the SHA instructions: a result takes four cycles or more, and
/// meanwhile those of other messages can begin. Needs SHA and SSE 4.1.
void hash(const std::byte* const* messages, std::size_t size, Digest* digests);
}  // namespace sha256::instructions

}  // namespace starling
