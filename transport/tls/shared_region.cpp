// What makes memory of a program that may be hostile safe to read: F_SEAL_SHRINK and F_SEAL_GROW,
// without which truncating the file would end this process with SIGBUS, and the file system. Files
// of hugetlbfs can be sealed too, but touching one fails if the system has no huge page left; with
// those of FUSE, a program could delay a read for ever, but they can't be sealed.
#include "transport/tls/shared_region.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace starling {
namespace {

constexpr int fixed_size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

Error io_error(const char* what) {
    return {Errc::io, std::string(what) + ": " + std::generic_category().message(errno)};
}

/// \return  what is wrong with it; nullptr: it can be mapped safely.
const char* objection_to(int descriptor, SharedRegion::Use use) {
    const int seals = ::fcntl(descriptor, F_GET_SEALS);
    if (seals < 0) {
        return "it is no memory file";
    }
    if ((seals & fixed_size_seals) != fixed_size_seals) {
        return "its size could change";
    }
    if (use == SharedRegion::Use::write && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0) {
        return "it can't be written";
    }
    struct statfs system {};
    if (::fstatfs(descriptor, &system) != 0 || system.f_type != TMPFS_MAGIC) {
        return "it is not made of ordinary pages";
    }
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 ||
        info.st_size != static_cast<off_t>(shared_region_bytes)) {
        return "it has another size";
    }
    return nullptr;
}

}  // namespace

Result<SharedRegion> SharedRegion::create(Use use) {
    Descriptor file(::memfd_create("starling-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ::ftruncate(file.number(), static_cast<off_t>(shared_region_bytes)) != 0) {
        return io_error("no memory can be shared");
    }
    if (::fcntl(file.number(), F_ADD_SEALS, fixed_size_seals | F_SEAL_SEAL) != 0) {
        return io_error("shared memory can't be sealed");
    }
    const int descriptor = file.number();
    return map(descriptor, use, std::move(file));
}

Result<SharedRegion> SharedRegion::open(const Descriptor& file, Use use) {
    if (const char* objection = objection_to(file.number(), use)) {
        return Error{Errc::refused, objection};
    }
    return map(file.number(), use, Descriptor());
}

Result<SharedRegion> SharedRegion::map(int descriptor, Use use, Descriptor file) {
    const int access = use == Use::write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* begin = ::mmap(nullptr, shared_region_bytes, access, MAP_SHARED, descriptor, 0);
    if (begin == MAP_FAILED) {
        return io_error("shared memory can't be mapped");
    }
    return SharedRegion(static_cast<std::byte*>(begin), std::move(file));
}

SharedRegion::SharedRegion(std::byte* begin, Descriptor file)
    : begin_(begin), size_(shared_region_bytes), file_(std::move(file)) {}

SharedRegion::SharedRegion(SharedRegion&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      file_(std::move(other.file_)) {}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    file_ = std::move(other.file_);
    return *this;
}

SharedRegion::~SharedRegion() {
    if (begin_ != nullptr) {
        ::munmap(begin_, size_);
    }
}

}  // namespace starling
