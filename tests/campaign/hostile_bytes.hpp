#pragma once

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"
#include "core/merge/compression.hpp"

namespace starling::test {

// What a hostile member sends in place of a segment. The campaign's models have one f32 tensor, so
// a segment is one part (core/wire/FORMAT.md, "Compressed segments").

Blob all_nan(std::size_t bytes);
/// Flips the lowest bit of a float32: without compression a different, still finite number.
Blob with_another_bit(const Blob& blob, std::uint64_t bit);
/// A valid encoding of finite values of which one, near the end, is another one. Of few elements
/// that changed (top-k) it may be the same.
Blob with_another_value(const Blob& encoded, Compression kind);
/// Mostly no valid encoding: too short or long, and with top-k a wrong count, or indices out of
/// range, out of order or twice.
Blob malformed(const Blob& encoded, Compression kind, Random& random);
/// A valid encoding with a value or scale of NaN or infinity.
Blob with_non_finite_code(const Blob& encoded, Compression kind, Random& random);

}  // namespace starling::test
