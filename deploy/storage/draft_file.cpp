// The descriptor stays open from the first write to fdatasync: errors of write-back in between are
// reported to it (errseq_t, Linux 4.13).
#include "deploy/storage/draft_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace starling {
namespace {

/// Somebody keeps what the file holds under another name (ln, cp -l): it was a model once.
bool has_other_names(int descriptor) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 && status.st_nlink > 1;
}

}  // namespace

bool is_incomplete(ByteView beginning) {
    const ByteView word = beginning.first(std::min(beginning.size(), draft_magic.size()));
    return std::ranges::equal(word, std::as_bytes(std::span(draft_magic))) ||
           std::ranges::all_of(word, [](std::byte byte) { return byte == std::byte{}; });
}

int DraftFile::open(FileReaders readers) {
    close();
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor_ < 0 && errno == ENOENT) {
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                             readers == FileReaders::all ? 0644 : 0600);
        // At once: a draft that is given up leaves the name to the next one.
        if (const int number = descriptor_ < 0 ? 0 : sync_directory_of(path_); number != 0) {
            return number;
        }
    }
    if (descriptor_ < 0) {
        return errno;
    }
    return readers == FileReaders::owner && ::fchmod(descriptor_, 0600) != 0 ? errno : 0;
}

int DraftFile::begin(std::filesystem::path path, std::uint64_t bytes, FileReaders readers,
                     bool at_once) {
    path_ = std::move(path);
    int number = open(readers);
    if (number == 0 && (mapped_.is_mapped(descriptor_) || has_other_names(descriptor_))) {
        number = ::unlink(path_.c_str()) == 0 ? open(readers) : errno;
    }
    if (number != 0) {
        close();
        return number;
    }
    direct_ = ::open(path_.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    const auto size = static_cast<off_t>(bytes);
    struct stat now {};
    const bool has_length = ::fstat(descriptor_, &now) == 0 && now.st_size == size;
    if (has_length && at_once) {
        return 0;
    }
    // Before its length changes, since then the file is neither the old one nor complete.
    const int failure = write(std::as_bytes(std::span(draft_magic)), 0);
    if (failure != 0 || has_length) {
        return failure;
    }
    if (::fallocate(descriptor_, 0, 0, size) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
        return fail(errno);
    }
    return ::ftruncate(descriptor_, size) == 0 ? 0 : fail(errno);
}

int DraftFile::write(ByteView bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail(errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return 0;
}

bool DraftFile::write_at_once(std::span<const ByteView> pieces, std::uint64_t offset) {
    std::array<iovec, direct_pieces_max> parts{};
    std::size_t size = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        parts[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
        size += pieces[i].size();
    }
    const bool fits =
        direct_ >= 0 && offset % direct_bytes == 0 &&
        std::ranges::all_of(pieces, [](ByteView piece) {
            return reinterpret_cast<std::uintptr_t>(piece.data()) % direct_bytes == 0 &&
                   piece.size() % direct_bytes == 0;
        });
    return fits && ::pwritev(direct_, parts.data(), static_cast<int>(pieces.size()),
                             static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

int DraftFile::write_direct(std::span<const ByteView> pieces, std::uint64_t offset) {
    if (write_at_once(pieces, offset)) {
        return 0;
    }
    // Errors, such as a disk that is full, are those of the usual way.
    const std::uint64_t begin = offset;
    for (const ByteView piece : pieces) {
        if (const int number = write(piece, offset); number != 0) {
            return number;
        }
        offset += piece.size();
    }
    begin_write_back(begin, offset - begin);
    return 0;
}

void DraftFile::begin_write_back(std::uint64_t offset, std::uint64_t bytes) const {
    // A hint: what the file system can't do now is left for fdatasync.
    (void)::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                            SYNC_FILE_RANGE_WRITE);
}

int DraftFile::finish() {
    if (::fdatasync(descriptor_) != 0) {
        return fail(errno);
    }
    close();
    return 0;
}

int DraftFile::fail(int number) {
    close();
    ::unlink(path_.c_str());
    return number;
}

void DraftFile::close() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        descriptor_ = -1;
    }
    if (direct_ >= 0) {
        ::close(direct_);
        direct_ = -1;
    }
}

}  // namespace starling
