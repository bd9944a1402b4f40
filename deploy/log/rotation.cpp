// Rotation of logs: FILE.1 is the newest of the older files. A node renames its own log; the log of
// another program, which keeps its file open and can't be told to reopen it, is copied and
// truncated.
#include "deploy/log/rotation.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds watch_interval{1};
constexpr std::size_t copy_block_bytes = 65536;

Error failed(const fs::path& file) { return write_error(file, errno); }

bool write_all(int file, const char* data, std::size_t size) {
    while (size > 0) {
        const ssize_t count = ::write(file, data, size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        data += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

bool copy_all(int from, int to) {
    std::array<char, copy_block_bytes> block{};
    ssize_t count = 0;
    while ((count = ::read(from, block.data(), block.size())) > 0) {
        if (!write_all(to, block.data(), static_cast<std::size_t>(count))) {
            return false;
        }
    }
    return count == 0;
}

}  // namespace

fs::path older_log(const fs::path& file, unsigned number) {
    return file.string() + "." + std::to_string(number);
}

void shift_logs(const fs::path& file, unsigned older_files) {
    std::error_code ignored;  // fewer files may exist
    for (unsigned number = older_files; number > 1; --number) {
        fs::rename(older_log(file, number - 1), older_log(file, number), ignored);
    }
}

Result<void> rotate_by_copy(const fs::path& file, const LogLimits& limits) {
    const Descriptor log(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!log) {
        return failed(file);
    }
    if (limits.older_files == 0) {
        return ::ftruncate(log.number(), 0) == 0 ? Result<void>{} : failed(file);
    }
    // For readers that follow (follow_log.cpp): FILE.1 appears only after FILE was truncated.
    const fs::path part = file.string() + ".part";
    const Descriptor copy(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!copy) {
        return failed(part);
    }
    if (!copy_all(log.number(), copy.number()) || ::ftruncate(log.number(), 0) != 0) {
        const Error error = failed(part);
        ::unlink(part.c_str());
        return error;
    }
    shift_logs(file, limits.older_files);
    std::error_code error;
    fs::rename(part, older_log(file), error);
    return error ? Result<void>(Error{Errc::io, part.string() + ": " + error.message()})
                 : Result<void>{};
}

LogRotator::LogRotator(fs::path file, LogLimits limits) : file_(std::move(file)), limits_(limits) {
    if (limits_.bytes_max > 0) {
        thread_ = std::thread([this] { watch_size(); });
    }
}

LogRotator::~LogRotator() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void LogRotator::watch_size() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        changed_.wait_for(lock, watch_interval, [this] { return ending_; });
        std::error_code error;
        const std::uintmax_t size = fs::file_size(file_, error);
        if (!error && size > limits_.bytes_max) {
            (void)rotate_by_copy(file_, limits_);  // on failure it is tried again a second later
        }
    }
}

}  // namespace starling
