#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace starling {

/// Memory for large bodies (segments, parameter vectors) that is used again. Fresh memory is slow:
/// page faults for 44 MB cost 20 ms, copying as much into memory that was touched before 2 ms.
/// Buffers of one size replace each other, as those of one round do in the next. Thread-safe.
class BufferPool {
public:
    using Buffer = std::shared_ptr<std::byte[]>;

    /// The one that all of this process share.
    static BufferPool& of_process();

    /// Room for `size` bytes, not initialised. The last owner gives it back, in any thread.
    Buffer take(std::size_t size);
    /// Bytes of buffers that nobody owns.
    std::size_t free_bytes() const;

private:
    using Memory = std::unique_ptr<std::byte[]>;

    Memory find_free(std::size_t size);
    void give_back(std::byte* memory, std::size_t size);

    mutable std::mutex mutex_;
    std::map<std::size_t, std::vector<Memory>> free_;  ///< by size
    std::size_t free_bytes_ = 0;
    std::size_t used_bytes_ = 0;
    std::size_t used_bytes_peak_ = 0;
};

}  // namespace starling
