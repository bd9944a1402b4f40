#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/buffer_pool.hpp"
#include "core/base/bytes.hpp"

namespace starling {

/// Bytes that wait to be sent. Its memory is of the process's BufferPool, in a few sizes that
/// connections share: what one gives back when it has sent everything is the next one's, without
/// page faults.
class SendBuffer {
public:
    std::size_t size() const { return size_; }
    ByteView view() const { return {memory_.get(), size_}; }

    void append(ByteView bytes) {
        if (size_ + bytes.size() > capacity_) {
            grow(size_ + bytes.size());
        }
        std::memcpy(memory_.get() + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    /// Keeps the memory.
    void clear() { size_ = 0; }
    void release() { *this = SendBuffer(); }

    SendBuffer() = default;
    SendBuffer(const SendBuffer&) = delete;
    SendBuffer(SendBuffer&& other) noexcept { *this = std::move(other); }
    SendBuffer& operator=(const SendBuffer&) = delete;
    SendBuffer& operator=(SendBuffer&& other) noexcept {
        memory_ = std::move(other.memory_);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }
    ~SendBuffer() = default;

private:
    /// Each growth copies what is there, so there are few sizes. The last one has room for a full
    /// batch (SendBatch), the chunk that completed it, and the heads of its records.
    static constexpr std::array<std::size_t, 3> sizes{std::size_t{4} * 1024, std::size_t{32} * 1024,
                                                      std::size_t{640} * 1024};

    void grow(std::size_t wanted) {
        const auto fits = std::lower_bound(sizes.begin(), sizes.end(), wanted);
        const std::size_t capacity = fits != sizes.end() ? *fits : 2 * wanted;
        BufferPool::Buffer memory = BufferPool::of_process().take(capacity);
        if (size_ > 0) {
            std::memcpy(memory.get(), memory_.get(), size_);
        }
        memory_ = std::move(memory);
        capacity_ = capacity;
    }

    BufferPool::Buffer memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace starling
