#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/buffer_pool.hpp"
#include "transport/tls/shared_region.hpp"

namespace starling {

/// Memory of BufferPool::of_models() that other processes of this host may read: what lies in it
/// need not be sent to them, but only where it lies. This process alone can write into it.
///
/// The file is as large as any model and has pages where something was written. The BufferPool uses
/// these again, so that each is faulted in once by each of the two processes.
class SharedPool final : public MemorySource {
public:
    static constexpr std::size_t page_bytes = 4096;
    /// Of address space, in every process that has it. 2^24 pages: their numbers fit into a record.
    static constexpr std::size_t size_bytes = std::size_t{64} << 30U;

    /// The one of this process, from which BufferPool::of_models() draws from the first call on.
    /// Errc::io: see SharedRegion::create().
    static Result<std::shared_ptr<SharedPool>> of_process();

    explicit SharedPool(SharedRegion region) : region_(std::move(region)) {}
    /// At the beginning of a page.
    std::byte* take(std::size_t size) override;
    /// The number of the page at whose beginning `bytes` lie; nothing: they lie elsewhere.
    std::optional<std::uint32_t> page_of(ByteView bytes) const;
    /// To be passed to another process.
    Descriptor file() const;

private:
    SharedRegion region_;
    std::mutex mutex_;
    std::size_t taken_ = 0;  ///< bytes, from the beginning
};

}  // namespace starling
