#include "core/torch/heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace starling {
namespace {

long page_faults() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/// Allocates blocks of 8 MiB, writes into each of their pages, and frees them.
void use_blocks() {
    constexpr std::size_t bytes = 8 << 20;
    constexpr std::size_t page = 4096;
    const auto first = std::make_unique_for_overwrite<volatile char[]>(bytes);
    const auto second = std::make_unique_for_overwrite<volatile char[]>(bytes);
    for (std::size_t at = 0; at < bytes; at += page) {
        first[at] = 1;
        second[at] = 1;
    }
}

TEST(Heap, FreedMemoryIsUsedAgainWithoutPageFaults) {
    if (std::getenv("GLIBC_TUNABLES") != nullptr) {
        GTEST_SKIP() << "GLIBC_TUNABLES is set and wins";
    }
    keep_freed_memory();
    long faults = 0;
    std::thread other([&faults] {  // a training has a thread of its own
        use_blocks();
        const long before = page_faults();
        use_blocks();
        faults = page_faults() - before;
    });
    other.join();
    EXPECT_LT(faults, 100);  // of 4096 pages
}

}  // namespace
}  // namespace starling
