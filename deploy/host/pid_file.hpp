#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <sys/types.h>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Contents of a pid file, three lines: pid, role, and start time of the process, which detects
/// that the pid has been reused by another process.
struct PidRecord {
    pid_t pid = 0;
    Role role = Role::sl;
    std::uint64_t start_ticks = 0;

    bool running() const;
};

/// Nothing if the file is missing or is no pid file.
std::optional<PidRecord> read_pid_file(const std::filesystem::path& file);

/// Records which process runs a node. Removed by the destructor.
class PidFile {
public:
    /// Writes the file for this process. Errc::io if a running process holds it already; the file
    /// of a process that has ended is replaced. The directory must exist.
    static Result<PidFile> claim(const std::filesystem::path& file, Role role);

    PidFile(PidFile&& other) noexcept;
    PidFile& operator=(PidFile&&) = delete;
    ~PidFile();

private:
    explicit PidFile(std::filesystem::path file) : file_(std::move(file)) {}

    std::filesystem::path file_;
};

}  // namespace starling
