#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling {

/// A SHA-256 value (FIPS 180-4).
struct Digest {
    std::array<std::byte, 32> bytes{};

    friend auto operator<=>(const Digest&, const Digest&) = default;
};

inline std::string to_string(const Digest& digest) { return to_hex(digest.bytes); }
/// The first 12 hexadecimal digits, for people.
inline std::string short_text(const Digest& digest) { return to_string(digest).substr(0, 12); }

/// Port: SHA-256. The implementation stands in transport/crypto, so that simulation and deployment
/// compute the same digests with the same code and core/ needs no library. Thread-safe.
class Hasher {
public:
    virtual ~Hasher() = default;
    /// SHA-256 over the concatenation of `parts`. A phantom blob counts as its size (8 bytes,
    /// little-endian) in place of its bytes.
    virtual Digest digest(std::span<const Blob> parts) const = 0;
    /// SHA-256 over the concatenation of `parts`.
    virtual Digest digest(std::span<const ByteView> parts) const = 0;

    /// SHA-256 of each block of `block_bytes` (> 0) of `bytes`, in order; the last may be shorter.
    virtual std::vector<Digest> digest_blocks(ByteView bytes, std::size_t block_bytes) const;

    Digest digest(ByteView bytes) const { return digest(std::span<const ByteView>(&bytes, 1)); }
};

}  // namespace starling
