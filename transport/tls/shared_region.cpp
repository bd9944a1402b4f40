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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace starling {
namespace {

constexpr int fixed_size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

Error io_error(const char* what) {
    return {Errc::io, std::string(what) + ": " + std::generic_category().message(errno)};
}

/// \return  what is wrong with it; nullptr: it can be mapped safely.
const char* objection_to(int descriptor, SharedRegion::Use use, std::size_t size) {
    const int seals = ::fcntl(descriptor, F_GET_SEALS);
    if (seals < 0) {
        return "it is no memory file";
    }
    if ((seals & fixed_size_seals) != fixed_size_seals) {
        return "its size could change";
    }
    if (use != SharedRegion::Use::read && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0) {
        return "it can't be written";
    }
    struct statfs system {};
    if (::fstatfs(descriptor, &system) != 0 || system.f_type != TMPFS_MAGIC) {
        return "it is not made of ordinary pages";
    }
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 || info.st_size != static_cast<off_t>(size)) {
        return "it has another size";
    }
    return nullptr;
}

/// Truncating a file to more than RLIMIT_FSIZE would end this process with SIGXFSZ.
bool may_have(std::size_t size) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || size <= limit.rlim_cur) {
        return true;
    }
    errno = EFBIG;
    return false;
}

}  // namespace

Result<SharedRegion> SharedRegion::create(Use use, std::size_t size) {
    const char* const name = use == Use::write_alone ? "starling-pool" : "starling-ring";
    Descriptor file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || !may_have(size) || ::ftruncate(file.number(), static_cast<off_t>(size)) != 0) {
        return io_error("no memory can be shared");
    }
    const int descriptor = file.number();
    Result<SharedRegion> region = map(descriptor, use, size, std::move(file));
    // Of the mappings that write, this one alone exists, and remains.
    const int others = use == Use::write_alone ? F_SEAL_FUTURE_WRITE : 0;
    if (region && ::fcntl(descriptor, F_ADD_SEALS, fixed_size_seals | F_SEAL_SEAL | others) != 0) {
        return io_error("shared memory can't be sealed");
    }
    return region;
}

Result<SharedRegion> SharedRegion::open(const Descriptor& file, Use use, std::size_t size) {
    if (const char* objection = objection_to(file.number(), use, size)) {
        return Error{Errc::refused, objection};
    }
    return map(file.number(), use, size, Descriptor());
}

Result<SharedRegion> SharedRegion::map(int descriptor, Use use, std::size_t size, Descriptor file) {
    const int access = use == Use::read ? PROT_READ : PROT_READ | PROT_WRITE;
    void* begin = ::mmap(nullptr, size, access, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    if (begin == MAP_FAILED) {
        return io_error("shared memory can't be mapped");
    }
    ::madvise(begin, size, MADV_DONTDUMP);
    return SharedRegion(static_cast<std::byte*>(begin), size, std::move(file));
}

SharedRegion::SharedRegion(std::byte* begin, std::size_t size, Descriptor file)
    : begin_(begin), size_(size), file_(std::move(file)) {}

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
