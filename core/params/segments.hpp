#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling {

/// A slice of the parameter vector: what is sent, merged and acknowledged as one. A layout may
/// prescribe larger ones (ParamLayout::segment_bytes()).
/// 256 KiB: 21 ms at 100 Mbit/s, so progress is seen often; 16 TLS records, so framing costs
/// nothing; a multiple of every element size, so no element is cut.
constexpr std::uint64_t segment_bytes = std::uint64_t{256} * 1024;

/// \param each  bytes of all segments but the last one.
inline std::uint32_t segment_count(std::uint64_t total_bytes, std::uint64_t each = segment_bytes) {
    return static_cast<std::uint32_t>((total_bytes + each - 1) / each);
}
inline std::uint64_t segment_size(std::uint64_t total_bytes, std::uint32_t index,
                                  std::uint64_t each = segment_bytes) {
    const std::uint64_t begin = index * each;
    return begin + each <= total_bytes ? each : total_bytes - begin;
}

/// A whole parameter vector as its segments, in order; what SL and ML hand to each other.
using Segments = std::vector<Blob>;

/// Slices `whole` without copying.
Segments cut(const Blob& whole, std::uint64_t each = segment_bytes);

/// Of the vector, in bytes.
std::uint64_t size_bytes(std::span<const Blob> segments);
/// Every segment of a vector of `total_bytes` is there with all its bytes.
bool is_whole(std::span<const Blob> segments, std::uint64_t total_bytes);
/// Copies bytes of the vector into `out`, beginning with byte `begin`.
/// \pre is_whole(), and begin + out.size() is at most the vector's size.
void copy_bytes(std::span<const Blob> segments, std::uint64_t begin, std::span<std::byte> out);

/// A parameter vector that is being written, in segments of memory that is used again and may be
/// shared with the SL (BufferPool::of_models).
class SegmentWriter {
public:
    explicit SegmentWriter(std::uint64_t total_bytes);
    /// Copies `bytes` into the vector, beginning with byte `begin`. Every byte of the vector has to
    /// be written: its memory is not initialised.
    /// \pre  begin + bytes.size() is at most the vector's size.
    void put(std::uint64_t begin, ByteView bytes);
    /// The vector; the last call.
    Segments take() { return std::move(segments_); }

private:
    Segments segments_;
    std::vector<std::byte*> memory_;  ///< of each segment
};

}  // namespace starling
