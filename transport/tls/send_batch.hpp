#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace starling {

/// The size of a batch: bytes of a queue that are encrypted and written to the socket together.
/// Small while the connection is slow or its speed is unknown, since encrypted bytes can't be
/// cancelled. Large on a fast connection: every write wakes the receiver, and the wake-ups cost the
/// sender more than the calls.
class SendBatch {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::size_t small_bytes = std::size_t{128} * 1024;
    static constexpr std::size_t large_bytes = std::size_t{512} * 1024;
    /// Fast writes of so many bytes in a row lead to large batches: more than the kernel buffers of
    /// a connection that has stalled.
    static constexpr std::size_t proof_bytes = std::size_t{2} * 1024 * 1024;
    /// Longest duration of a fast write of small_bytes.
    static constexpr std::chrono::microseconds fast_write{4000};

    /// \param limit  of this connection: SessionOwner::batch_limit().
    std::size_t bytes(std::size_t limit) const {
        return fast_bytes_ < proof_bytes ? small_bytes
                                         : std::clamp(limit, small_bytes, large_bytes);
    }
    void write_begins(Clock::time_point now) { began_ = now; }
    /// The kernel has accepted all `bytes` of the write.
    void write_ends(Clock::time_point now, std::size_t bytes) {
        const std::size_t share = std::max<std::size_t>(bytes / small_bytes, 1);
        const bool fast = now - began_ <= fast_write * share;
        fast_bytes_ = fast ? std::min(fast_bytes_ + bytes, proof_bytes) : 0;
    }

private:
    Clock::time_point began_{};
    std::size_t fast_bytes_ = 0;  ///< in fast writes since the last slow one
};

}  // namespace starling
