#include "core/torch/heap.hpp"

#include <cstdlib>
#include <limits>

#include <malloc.h>

namespace starling {
namespace {

constexpr int largest_kept_block = 32 << 20;  ///< bytes; glibc refuses more
constexpr int heap_growth = 16 << 20;         ///< bytes

/// Sets `parameter`, unless the user has set it by the environment.
void set_default(int parameter, int value, const char* variable) {
    if (std::getenv(variable) == nullptr) {
        ::mallopt(parameter, value);
    }
}

}  // namespace

void keep_freed_memory() {
    if (std::getenv("GLIBC_TUNABLES") != nullptr) {
        return;
    }
    set_default(M_ARENA_MAX, 1, "MALLOC_ARENA_MAX");
    set_default(M_MMAP_THRESHOLD, largest_kept_block, "MALLOC_MMAP_THRESHOLD_");
    set_default(M_TRIM_THRESHOLD, std::numeric_limits<int>::max(), "MALLOC_TRIM_THRESHOLD_");
    set_default(M_TOP_PAD, heap_growth, "MALLOC_TOP_PAD_");
}

}  // namespace starling
