#include "tests/campaign/other_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <malloc.h>

#include "core/raft/detail/libraft.hpp"

namespace starling::test {
namespace {

constexpr int fill = 0xa5;
/// The two lowest bytes of each address are 0: if libraft reads one as a flag, it is false.
constexpr std::size_t alignment = 65536;

void* allocate(void* /*data*/, std::size_t size) {
    const std::size_t whole = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment;
    return std::aligned_alloc(alignment, whole * alignment);
}
void* allocate_zeroed(void* data, std::size_t count, std::size_t size) {
    void* block = allocate(data, count * size);
    return block == nullptr ? nullptr : std::memset(block, 0, count * size);
}
void* reallocate(void* data, void* old, std::size_t size) {
    void* block = allocate(data, size);
    if (block != nullptr && old != nullptr) {
        std::memcpy(block, old, std::min(size, ::malloc_usable_size(old)));
        std::free(old);
    }
    return block;
}
void* allocate_aligned(void* data, std::size_t /*at*/, std::size_t size) {
    return allocate(data, size);
}
void release(void* /*data*/, void* block) { std::free(block); }
void release_aligned(void* /*data*/, std::size_t /*at*/, void* block) { std::free(block); }

}  // namespace

void use_other_memory() {
    ::mallopt(M_PERTURB, fill);
    static raft_heap heap{.data = nullptr,
                          .malloc = allocate,
                          .free = release,
                          .calloc = allocate_zeroed,
                          .realloc = reallocate,
                          .aligned_alloc = allocate_aligned,
                          .aligned_free = release_aligned};
    raft_heap_set(&heap);
}

}  // namespace starling::test
