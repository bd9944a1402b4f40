#include "core/base/buffer_pool.hpp"

#include <algorithm>
#include <utility>

namespace starling {
namespace {

/// The allocator reuses smaller ones well by itself.
constexpr std::size_t pooled_bytes_min = std::size_t{32} * 1024;
}  // namespace

BufferPool& BufferPool::of_process() {
    static BufferPool& pool = *new BufferPool;  // outlives every buffer, also those of statics
    return pool;
}

BufferPool& BufferPool::of_models() {
    static BufferPool& pool = *new BufferPool;
    return pool;
}

void BufferPool::draw_from(std::shared_ptr<MemorySource> source) {
    const std::lock_guard lock(mutex_);
    source_ = std::move(source);
}

BufferPool::Buffer BufferPool::take(std::size_t size) {
    if (size < pooled_bytes_min) {
        return std::make_shared_for_overwrite<std::byte[]>(size);
    }
    Memory memory = find_free(size);
    if (!memory) {
        memory = draw(size);
    }
    const Release release = memory.get_deleter();
    return Buffer(memory.release(),
                  [this, size, release](std::byte* bytes) { give_back(bytes, size, release); });
}

BufferPool::Memory BufferPool::find_free(std::size_t size) {
    const std::lock_guard lock(mutex_);
    used_bytes_ += size;
    used_bytes_peak_ = std::max(used_bytes_peak_, used_bytes_);
    const auto found = free_.find(size);
    if (found == free_.end()) {
        return nullptr;
    }
    Memory memory = std::move(found->second.back());
    found->second.pop_back();
    if (found->second.empty()) {
        free_.erase(found);
    }
    free_bytes_ -= size;
    return memory;
}

BufferPool::Memory BufferPool::draw(std::size_t size) {
    {
        const std::lock_guard lock(mutex_);
        // What is drawn stays in this pool: a peer that sends bodies of many sizes gets the rest
        // from the heap.
        const bool may_draw = source_ && drawn_bytes_ + size <= 2 * used_bytes_peak_;
        if (std::byte* memory = may_draw ? source_->take(size) : nullptr) {
            drawn_bytes_ += size;
            return Memory(memory, Release{.of_source = true});
        }
    }
    return Memory(new (std::align_val_t{page_bytes}) std::byte[size]);
}

void BufferPool::give_back(std::byte* memory, std::size_t size, Release release) {
    Memory owned(memory, release);
    const std::lock_guard lock(mutex_);
    used_bytes_ -= size;
    // So a peer that sends bodies of many sizes makes the process hold twice its peak at most.
    if (release.of_source || free_bytes_ + size <= used_bytes_peak_) {
        free_[size].push_back(std::move(owned));
        free_bytes_ += size;
    }
}

std::size_t BufferPool::free_bytes() const {
    const std::lock_guard lock(mutex_);
    return free_bytes_;
}

}  // namespace starling
