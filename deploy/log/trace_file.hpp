#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// The file of a trace: appended to by each start of its node, and bounded in size. A full one is
/// renamed to FILE.1, which it replaces. Not thread-safe.
class TraceFile {
public:
    /// 256 MiB, and the same in FILE.1.
    static constexpr std::uint64_t default_bytes = std::uint64_t{256} << 20U;

    /// Opens or creates it, with mode 0600. Removes an incomplete last line, left by a process that
    /// was killed. Errc::io names the file.
    static Result<std::unique_ptr<TraceFile>> open(const std::filesystem::path& path,
                                                   std::uint64_t bytes_max = default_bytes);

    /// Writes the line with which each start, and each file, begins.
    Result<void> begin(std::string start_line);
    /// Appends `line`, which has no line end. After a failed write the start line is repeated,
    /// which marks missing events. Errc::io names the file and --trace.
    Result<void> write(std::string line);
    /// Passes buffered lines to the system; not durable.
    Result<void> flush();

private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    TraceFile(std::filesystem::path path, std::uint64_t limit)
        : path_(std::move(path)), bytes_max_(limit) {}
    Result<void> open_file();
    Result<void> begin_next();

    std::filesystem::path path_;
    std::uint64_t bytes_max_;
    std::unique_ptr<std::FILE, CloseFile> file_;
    std::uint64_t bytes_ = 0;
    std::string start_line_;
    bool broken_ = false;  ///< the newest write failed: the disk is full
};

}  // namespace starling
