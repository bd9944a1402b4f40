#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace starling {

/// Where a BufferPool gets memory from, instead of the heap. It is never given back.
class MemorySource {
public:
    virtual ~MemorySource() = default;
    /// Of `size` bytes; nullptr: it has none left. Called by any thread, by one at a time.
    virtual std::byte* take(std::size_t size) = 0;
};

/// Memory for large bodies (segments, parameter vectors) that is used again. Fresh memory is slow:
/// page faults for 44 MB cost 20 ms, copying as much into memory that was touched before 2 ms.
/// Buffers of one size replace each other, as those of one round do in the next. Thread-safe.
class BufferPool {
public:
    using Buffer = std::shared_ptr<std::byte[]>;

    /// The one that all of this process share.
    static BufferPool& of_process();
    /// That of models which an SL and its program hand to each other: the program's parameters and
    /// merged segments, nothing else. It may lie in memory that the two share.
    static BufferPool& of_models();

    /// Where buffers of 32 KiB and more begin: at multiples of it. Several processors copy three to
    /// thirty times slower to a place that lies up to 31 bytes behind that of the source, counted
    /// modulo 4096 (AMD's `rep movsb`, which memcpy and the kernel use), and the allocator's large
    /// blocks begin 16 bytes behind a page.
    static constexpr std::size_t page_bytes = 4096;

    /// Room for `size` bytes, not initialised. The last owner gives it back, in any thread.
    Buffer take(std::size_t size);
    /// From now on, fresh memory comes from `source` as long as it has some.
    void draw_from(std::shared_ptr<MemorySource> source);
    /// Bytes of buffers that nobody owns.
    std::size_t free_bytes() const;

private:
    struct Release {
        bool of_source = false;
        void operator()(std::byte* memory) const {
            if (!of_source) {
                ::operator delete[](memory, std::align_val_t{page_bytes});
            }
        }
    };
    using Memory = std::unique_ptr<std::byte[], Release>;

    Memory find_free(std::size_t size);
    Memory draw(std::size_t size);
    void give_back(std::byte* memory, std::size_t size, Release release);

    mutable std::mutex mutex_;
    std::map<std::size_t, std::vector<Memory>> free_;  ///< by size
    std::shared_ptr<MemorySource> source_;
    std::size_t drawn_bytes_ = 0;  ///< from source_, so far
    std::size_t free_bytes_ = 0;
    std::size_t used_bytes_ = 0;
    std::size_t used_bytes_peak_ = 0;
};

}  // namespace starling
