#include "transport/tls/send_batch.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

constexpr std::size_t no_limit = std::size_t{1} << 30U;

/// A write of so many bytes that took so long.
void write(SendBatch& batch, std::size_t bytes, std::chrono::microseconds took) {
    const SendBatch::Clock::time_point begin{};
    batch.write_begins(begin);
    batch.write_ends(begin + took, bytes);
}

/// After enough fast writes for large batches.
SendBatch fast_batch() {
    SendBatch batch;
    for (std::size_t bytes = 0; bytes < SendBatch::proof_bytes; bytes += SendBatch::small_bytes) {
        write(batch, SendBatch::small_bytes, std::chrono::microseconds(50));
    }
    return batch;
}

TEST(SendBatch, BatchesGrowAfterMoreFastBytesThanTheKernelBuffers) {
    SendBatch batch;
    EXPECT_EQ(batch.bytes(no_limit), SendBatch::small_bytes);
    for (int i = 0; i < 8; ++i) {  // 1 MiB
        write(batch, SendBatch::small_bytes, std::chrono::microseconds(50));
    }
    EXPECT_EQ(batch.bytes(no_limit), SendBatch::small_bytes);
    EXPECT_EQ(fast_batch().bytes(no_limit), SendBatch::large_bytes);
}

TEST(SendBatch, ASlowWriteMakesBatchesSmallAgain) {
    SendBatch batch = fast_batch();
    write(batch, SendBatch::large_bytes,
          std::chrono::milliseconds(10));  // within four times the limit of a small one
    EXPECT_EQ(batch.bytes(no_limit), SendBatch::large_bytes);
    write(batch, SendBatch::large_bytes, std::chrono::milliseconds(20));
    EXPECT_EQ(batch.bytes(no_limit), SendBatch::small_bytes);
}

TEST(SendBatch, TheLimitOfTheConnectionBoundsABatch) {
    const SendBatch batch = fast_batch();
    EXPECT_EQ(batch.bytes(300'000), 300'000U);
    EXPECT_EQ(batch.bytes(1000), SendBatch::small_bytes);
}

}  // namespace
}  // namespace starling
