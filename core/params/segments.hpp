#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>
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

/// A whole parameter vector as its segments, in order; what SL and ML hand to each other. Copies
/// share the list until one of them is changed: what a member has sent, keeps and reports is the
/// same, and a process may simulate 100,000 members.
class Segments {
public:
    using value_type = Blob;
    using const_iterator = const Blob*;

    Segments() = default;
    explicit Segments(std::size_t count) { resize(count); }
    Segments(std::size_t count, const Blob& each) {
        reserve(count);
        while (size_ < count) {
            push_back(each);
        }
    }
    Segments(std::initializer_list<Blob> segments) : Segments(segments.begin(), segments.end()) {}
    template <typename Iterator>
    Segments(Iterator first, Iterator last) {
        reserve(static_cast<std::size_t>(std::distance(first, last)));
        std::for_each(first, last, [this](const Blob& segment) { push_back(segment); });
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const Blob& operator[](std::size_t at) const { return list_[static_cast<std::ptrdiff_t>(at)]; }
    const Blob& at(std::size_t at) const {
        if (at >= size_) {
            throw std::out_of_range("no such segment");
        }
        return (*this)[at];
    }
    const Blob* data() const { return list_.get(); }
    const Blob* begin() const { return data(); }
    const Blob* end() const { return data() + size_; }
    const Blob& front() const { return *begin(); }
    const Blob& back() const { return end()[-1]; }

    void set(std::size_t at, Blob segment) { own(capacity_)[at] = std::move(segment); }
    void push_back(Blob segment) {
        const std::uint32_t at = size_;
        resize(size_ + std::size_t{1});
        set(at, std::move(segment));
    }
    void reserve(std::size_t count) {
        if (count > capacity_) {
            own(static_cast<std::uint32_t>(count));
        }
    }
    /// New ones are empty.
    void resize(std::size_t count) {
        if (count > capacity_) {
            reserve(std::max<std::size_t>(count, size_ == 0 ? 0 : std::size_t{2} * size_));
        }
        for (std::size_t gone = count; gone < size_; ++gone) {
            set(gone, Blob());
        }
        size_ = static_cast<std::uint32_t>(count);
    }
    void clear() { *this = Segments(); }

private:
    /// The list, which no other object has, with room for so many.
    Blob* own(std::uint32_t capacity) {
        if (capacity != capacity_ || list_.use_count() > 1) {
            auto list = std::make_shared<Blob[]>(capacity);
            std::copy(begin(), end(), list.get());
            list_ = std::move(list);
            capacity_ = capacity;
        }
        return list_.get();
    }

    std::shared_ptr<Blob[]> list_;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

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
