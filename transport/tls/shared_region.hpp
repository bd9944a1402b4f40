#pragma once

#include <cstddef>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "transport/descriptor.hpp"

namespace starling {

/// Small enough to stay in the processor's cache, so that bytes need not pass through memory. Large
/// enough that the writer rarely waits for a reader that was woken late.
constexpr std::size_t shared_region_bytes = std::size_t{4} * 1024 * 1024;

/// Memory of a fixed size shared with other processes of the host: mapped while this object lives.
/// Its file (memfd) is sealed against shrinking and growing, so no access to it can fail, whatever
/// the other process does.
class SharedRegion {
public:
    /// write_alone: no other process can write into it.
    enum class Use { read, write, write_alone };

    /// Of zeros. Errc::io: the system has none, forbids it (seccomp) or lacks memory.
    static Result<SharedRegion> create(Use use, std::size_t size = shared_region_bytes);
    /// That another process created. Errc::refused: its file could shrink, has another size, or is
    /// no ordinary memory.
    static Result<SharedRegion> open(const Descriptor& file, Use use,
                                     std::size_t size = shared_region_bytes);

    SharedRegion(SharedRegion&& other) noexcept;
    SharedRegion& operator=(SharedRegion&& other) noexcept;
    ~SharedRegion();

    /// To be passed to the other process; invalid if it was opened.
    Descriptor& file() { return file_; }
    const Descriptor& file() const { return file_; }
    ByteView bytes() const { return {begin_, size_}; }
    /// \pre  not Use::read
    std::span<std::byte> writable() const { return {begin_, size_}; }

private:
    SharedRegion(std::byte* begin, std::size_t size, Descriptor file);
    static Result<SharedRegion> map(int descriptor, Use use, std::size_t size, Descriptor file);

    std::byte* begin_;
    std::size_t size_;
    Descriptor file_;
};

}  // namespace starling
