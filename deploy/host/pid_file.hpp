#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <sys/types.h>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace starling {

/// What a pid file says: three lines, pid, role, and start time of the process, by which a pid that
/// was given to another process since is noticed.
struct PidRecord {
    pid_t pid = 0;
    Role role = Role::sl;
    std::uint64_t start_ticks = 0;

    bool running() const;
};

/// Nothing if the file is missing or is no pid file.
std::optional<PidRecord> read_pid_file(const std::filesystem::path& file);

/// Says which process runs a node. Removed at the end.
class PidFile {
public:
    /// Writes the file for this process. Errc::io if a running process holds it already; the file
    /// of a process that is gone is replaced. Its directory must be there.
    static Result<PidFile> claim(const std::filesystem::path& file, Role role);

    PidFile(PidFile&& other) noexcept;
    PidFile& operator=(PidFile&&) = delete;
    ~PidFile();

private:
    explicit PidFile(std::filesystem::path file) : file_(std::move(file)) {}

    std::filesystem::path file_;
};

}  // namespace starling
