#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/result.hpp"

namespace starling {

// A log that is full becomes FILE.1, what was FILE.1 becomes FILE.2, and so on.

struct LogLimits {
    std::uint64_t bytes_max = 0;  ///< of a file; 0: without a limit
    unsigned older_files = 4;     ///< that are kept beside it
};

/// Makes room for a FILE.1; the oldest is removed. Nothing of FILE itself.
void shift_logs(const std::filesystem::path& file, unsigned older_files);

/// The newest of the older files.
std::filesystem::path older_log(const std::filesystem::path& file, unsigned number = 1);

/// Moves what is in `file`, which another program has open for appending, to FILE.1 and empties
/// it. What is written in the microsecond between the last look and the emptying is lost. Errc::io:
/// nothing was moved.
Result<void> rotate_by_copy(const std::filesystem::path& file, const LogLimits& limits);

/// Rotates the log of a program that knows nothing of it, from a thread of its own.
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
