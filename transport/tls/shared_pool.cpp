#include "transport/tls/shared_pool.hpp"

#include <utility>

#include <fcntl.h>

namespace starling {

Result<std::shared_ptr<SharedPool>> SharedPool::of_process() {
    static std::mutex mutex;
    static std::shared_ptr<SharedPool>& pool = *new std::shared_ptr<SharedPool>;
    const std::lock_guard lock(mutex);
    if (!pool) {
        Result<SharedRegion> region =
            SharedRegion::create(SharedRegion::Use::write_alone, size_bytes);
        if (!region) {
            return region.error();
        }
        pool = std::make_shared<SharedPool>(std::move(*region));
        BufferPool::of_models().draw_from(pool);
    }
    return pool;
}

std::byte* SharedPool::take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const std::size_t rounded = (size + page_bytes - 1) / page_bytes * page_bytes;
    if (rounded > size_bytes - taken_) {
        return nullptr;
    }
    return region_.writable().data() + std::exchange(taken_, taken_ + rounded);
}

std::optional<std::uint32_t> SharedPool::page_of(ByteView bytes) const {
    const auto first = reinterpret_cast<std::uintptr_t>(region_.bytes().data());
    const auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (at < first || at - first >= size_bytes || (at - first) % page_bytes != 0) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>((at - first) / page_bytes);
}

Descriptor SharedPool::file() const {
    return Descriptor(::fcntl(region_.file().number(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace starling
