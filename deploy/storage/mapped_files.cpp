#include "deploy/storage/mapped_files.hpp"

#include <optional>

#include <sys/mman.h>
#include <sys/stat.h>

namespace starling {
namespace {

std::optional<std::pair<dev_t, ino_t>> identity_of(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        return std::nullopt;
    }
    return std::pair(status.st_dev, status.st_ino);
}

}  // namespace

/// Unmaps when it is destroyed.
class Mapping {
public:
    Mapping(void* begin, std::size_t bytes) : begin_(begin), bytes_(bytes) {}
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { ::munmap(begin_, bytes_); }

private:
    void* begin_;
    std::size_t bytes_;
};

Blob MappedFiles::map(int descriptor, std::uint64_t bytes) {
    const auto identity = identity_of(descriptor);
    if (bytes == 0 || !identity) {
        return {};
    }
    void* const begin = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (begin == MAP_FAILED) {
        return {};
    }
    auto mapping = std::make_shared<const Mapping>(begin, bytes);
    mappings_.emplace(*identity, mapping);
    return {std::move(mapping), ByteView(static_cast<const std::byte*>(begin), bytes)};
}

bool MappedFiles::is_mapped(int descriptor) {
    std::erase_if(mappings_, [](const auto& entry) { return entry.second.expired(); });
    const auto identity = identity_of(descriptor);
    return !identity || mappings_.contains(*identity);
}

}  // namespace starling
