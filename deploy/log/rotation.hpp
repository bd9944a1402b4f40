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

/// Copies `file`, which another program has open for appending, to FILE.1 and truncates it. What is
/// written in the microsecond between the last read and the truncation is lost. Errc::io: FILE.1
/// was not made.
Result<void> rotate_by_copy(const std::filesystem::path& file, const LogLimits& limits);

/// Rotates the log of a program that does not rotate it itself, from a thread of its own.
class LogKeeper {
public:
    LogKeeper(std::filesystem::path file, LogLimits limits);
    LogKeeper(const LogKeeper&) = delete;
    LogKeeper& operator=(const LogKeeper&) = delete;
    ~LogKeeper();

private:
    void look();

    const std::filesystem::path file_;
    const LogLimits limits_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace starling
