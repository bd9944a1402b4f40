#include "core/files/replace_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/size_text.hpp"

namespace starling {
namespace {

/// 0, or the errno of what failed.
int write_all(int file, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return 0;
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// Of a file that is being written, and of the name the process's id: two programs that save to one
/// place do not write into each other's file.
std::string part_prefix(const std::filesystem::path& path) { return path.string() + ".part-"; }

int write_file(const std::filesystem::path& path, std::span<const ByteView> parts, mode_t mode) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0) {
        return errno;
    }
    int failure = 0;
    for (const ByteView part : parts) {
        failure = failure != 0 ? failure : write_all(file, part);
    }
    if (failure == 0 && ::fsync(file) != 0) {
        failure = errno;
    }
    if (::close(file) != 0 && failure == 0) {
        failure = errno;
    }
    return failure;
}

std::uint64_t total_size(std::span<const ByteView> parts) {
    std::uint64_t bytes = 0;
    for (const ByteView part : parts) {
        bytes += part.size();
    }
    return bytes;
}

/// What this user may still write beside `path`.
std::string free_text(const std::filesystem::path& path) {
    struct statvfs disk {};
    if (::statvfs(directory_of(path).c_str(), &disk) != 0) {
        return "an unknown amount";
    }
    return size_text(std::uint64_t{disk.f_bavail} * disk.f_frsize);
}

}  // namespace

std::string space_advice(const std::filesystem::path& path, int number, std::uint64_t needed) {
    const std::string needs = needed == 0 ? "" : " It needs " + size_text(needed) + ".";
    switch (number) {
        case ENOSPC:
            return "." + needs + " Free space on this disk, which has " + free_text(path) + " left";
        case EDQUOT:
            return "." + needs +
                   " Remove files of this user on this disk, or ask for a larger quota";
        case EFBIG:
            return "." + needs + " Raise the limit of this user's files (ulimit -f)";
        default:
            return "";
    }
}

Error write_error(const std::filesystem::path& path, int number, std::uint64_t needed) {
    return {Errc::io, path.string() +
                          " can't be written: " + std::generic_category().message(number) +
                          space_advice(path, number, needed)};
}

int sync_directory_of(const std::filesystem::path& path) {
    const int handle = ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) {
        return errno;
    }
    const int failure = ::fsync(handle) == 0 ? 0 : errno;
    ::close(handle);
    return failure;
}

std::filesystem::path part_of(const std::filesystem::path& path) {
    return part_prefix(path) + std::to_string(::getpid());
}

Result<void> rename_durably(const std::filesystem::path& part, const std::filesystem::path& path,
                            std::uint64_t needed) {
    if (::rename(part.c_str(), path.c_str()) != 0) {
        return write_error(path, errno, needed);
    }
    if (const int failure = sync_directory_of(path); failure != 0) {
        return write_error(directory_of(path), failure);
    }
    return {};
}

Result<void> replace_file(const std::filesystem::path& path, std::span<const ByteView> parts,
                          FileReaders readers) {
    const std::filesystem::path directory = directory_of(path);
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure) {
        return write_error(directory, failure.value());
    }
    const std::filesystem::path part = part_of(path);
    const std::uint64_t bytes = total_size(parts);
    if (const int number = write_file(part, parts, readers == FileReaders::all ? 0644 : 0600);
        number != 0) {
        ::unlink(part.c_str());
        return write_error(path, number, bytes);
    }
    Result<void> renamed = rename_durably(part, path, bytes);
    if (!renamed) {
        ::unlink(part.c_str());
    }
    return renamed;
}

void remove_leftovers(const std::filesystem::path& path) {
    const std::string prefix = part_prefix(path.filename());
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_of(path), ignored)) {
        if (entry.path().filename().string().starts_with(prefix)) {
            ::unlink(entry.path().c_str());
        }
    }
}

Result<void> remove_file(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) != 0) {
        return errno == ENOENT ? Result<void>{}
                               : Error{Errc::io, path.string() + " can't be removed: " +
                                                     std::generic_category().message(errno)};
    }
    if (const int failure = sync_directory_of(path); failure != 0) {
        return write_error(directory_of(path), failure);
    }
    return {};
}

}  // namespace starling
