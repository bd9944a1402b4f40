#pragma once

#include <array>
#include <cstddef>

#include "core/base/hasher.hpp"

namespace starling {

/// Messages that sha256_lanes() hashes at once: 32-bit words of a 512-bit vector.
constexpr std::size_t sha256_lane_count = 16;

/// Whether this machine can run sha256_lanes(): AVX-512 F and BW.
bool has_sha256_lanes();

/// Whether messages of `size` bytes can be hashed with it: whole blocks, and a length that fits a
/// word.
constexpr bool fits_sha256_lanes(std::size_t size) {
    return size % 64 == 0 && size <= std::size_t{1} << 28;
}

/// SHA-256 (FIPS 180-4) of 16 messages of `size` bytes each, one in each lane of the vectors, as in
/// S. Gueron and V. Krasnov, "Simultaneous hashing of multiple messages", 2012. Unlike the
/// instructions for SHA-256, of which each waits for the one before, it uses all vector units: 2 to
/// 4 times their speed.
/// \pre  has_sha256_lanes() and fits_sha256_lanes(size)
void sha256_lanes(const std::array<const std::byte*, sha256_lane_count>& messages, std::size_t size,
                  Digest* digests);

}  // namespace starling
