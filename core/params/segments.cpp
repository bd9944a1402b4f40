#include "core/params/segments.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/buffer_pool.hpp"
#include "core/base/copy_past_caches.hpp"

namespace starling {
namespace {

/// A vector that is larger than the caches that a core has for itself: when its end is copied, its
/// beginning is out of them.
constexpr std::uint64_t past_caches_min = std::uint64_t{8} * 1024 * 1024;

void copy_part(std::byte* to, ByteView from, std::uint64_t vector_bytes) {
    if (vector_bytes >= past_caches_min) {
        copy_past_caches(to, from);
    } else {
        std::memcpy(to, from.data(), from.size());
    }
}

}  // namespace

Segments cut(const Blob& whole, std::uint64_t each) {
    Segments segments;
    const std::uint32_t count = segment_count(whole.size(), each);
    segments.reserve(count);
    const auto owner = std::make_shared<const Blob>(whole);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t size = segment_size(whole.size(), i, each);
        segments.push_back(whole.is_phantom() ? Blob::phantom(size)
                                              : Blob(owner, whole.view().subspan(i * each, size)));
    }
    return segments;
}

std::uint64_t size_bytes(std::span<const Blob> segments) {
    std::uint64_t size = 0;
    for (const Blob& segment : segments) {
        size += segment.size();
    }
    return size;
}

bool is_whole(std::span<const Blob> segments, std::uint64_t total_bytes) {
    if (segments.size() != segment_count(total_bytes)) {
        return false;
    }
    for (std::uint32_t i = 0; i < segments.size(); ++i) {
        if (segments[i].view().size() != segment_size(total_bytes, i)) {
            return false;
        }
    }
    return true;
}

void copy_bytes(std::span<const Blob> segments, std::uint64_t begin, std::span<std::byte> out) {
    while (!out.empty()) {
        const ByteView segment = segments[begin / segment_bytes].view();
        const std::uint64_t skipped = begin % segment_bytes;
        const std::size_t size = std::min<std::size_t>(out.size(), segment.size() - skipped);
        copy_part(out.data(), segment.subspan(skipped, size), segments.size() * segment_bytes);
        out = out.subspan(size);
        begin += size;
    }
}

SegmentWriter::SegmentWriter(std::uint64_t total_bytes) {
    const std::uint32_t count = segment_count(total_bytes);
    segments_.reserve(count);
    memory_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t size = segment_size(total_bytes, i);
        BufferPool::Buffer buffer = BufferPool::of_models().take(size);
        memory_.push_back(buffer.get());
        segments_.push_back(Blob(std::move(buffer), ByteView(memory_.back(), size)));
    }
}

void SegmentWriter::put(std::uint64_t begin, ByteView bytes) {
    while (!bytes.empty()) {
        const std::uint64_t index = begin / segment_bytes;
        const std::uint64_t at = begin % segment_bytes;
        const std::size_t size = std::min<std::size_t>(bytes.size(), segments_[index].size() - at);
        copy_part(memory_[index] + at, bytes.first(size), segments_.size() * segment_bytes);
        bytes = bytes.subspan(size);
        begin += size;
    }
}

}  // namespace starling
