#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/result.hpp"

namespace starling {

// A full log is renamed to FILE.1, the previous FILE.1 to FILE.2, and so on.

struct LogLimits {
    std::uint64_t bytes_max = 0;  ///< per file; 0: unlimited
    unsigned older_files = 4;     ///< kept beside it
};

/// Renames the older files to make room for a FILE.1; the oldest is overwritten. Does not touch
/// FILE.
void shift_logs(const std::filesystem::path& file, unsigned older_files);

/// Path of an older file; 1 is the newest.
std::filesystem::path older_log(const std::filesystem::path& file, unsigned number = 1);

/// Copies `file`, which another program has open for appending, to FILE.1 and truncates it
/// (copytruncate of logrotate). What is written between the last read and the truncation, which is
/// some microseconds, is lost. Errc::io: FILE.1 was not made.
Result<void> rotate_by_copy(const std::filesystem::path& file, const LogLimits& limits);

/// Rotates the log of a program that does not rotate it itself (an ML program), in a thread of its
/// own that checks the file's size once a second.
class LogRotator {
public:
    LogRotator(std::filesystem::path file, LogLimits limits);
    LogRotator(const LogRotator&) = delete;
    LogRotator& operator=(const LogRotator&) = delete;
    ~LogRotator();

private:
    void watch_size();

    const std::filesystem::path file_;
    const LogLimits limits_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace starling
