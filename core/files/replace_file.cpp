#include "core/files/replace_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace starling {
namespace {

Error io_error(const std::filesystem::path& path, int number) {
    return Error{Errc::io,
                 path.string() + " can't be written: " + std::generic_category().message(number)};
}

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

/// Makes the new name itself durable. 0, or an errno.
int sync_directory(const std::filesystem::path& directory) {
    const int handle = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) {
        return errno;
    }
    const int failure = ::fsync(handle) == 0 ? 0 : errno;
    ::close(handle);
    return failure;
}

int write_file(const std::filesystem::path& path, std::span<const ByteView> parts) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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

}  // namespace

Result<void> replace_file(const std::filesystem::path& path, std::span<const ByteView> parts) {
    const std::filesystem::path directory =
        path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure) {
        return io_error(directory, failure.value());
    }
    // The process's id: two programs that save to one place do not write into each other's file.
    const std::filesystem::path beside = path.string() + ".part-" + std::to_string(::getpid());
    int number = write_file(beside, parts);
    if (number == 0 && ::rename(beside.c_str(), path.c_str()) != 0) {
        number = errno;
    }
    if (number != 0) {
        ::unlink(beside.c_str());
        return io_error(path, number);
    }
    if (const int sync_failure = sync_directory(directory); sync_failure != 0) {
        return io_error(directory, sync_failure);
    }
    return {};
}

}  // namespace starling
