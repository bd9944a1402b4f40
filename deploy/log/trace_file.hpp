#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// The file of a trace: appended to by each start of its node, and never much larger than a bound.
/// What is full becomes FILE.1, in place of the one before. One thread at a time.
class TraceFile {
public:
    /// 256 MiB, and as much again in FILE.1.
    static constexpr std::uint64_t default_bytes = std::uint64_t{256} << 20U;

    /// Opens or makes it, with mode 0600. Cuts off a last line without its end: the process that
    /// wrote it was killed. Errc::io names the file.
    static Result<std::unique_ptr<TraceFile>> open(const std::filesystem::path& path,
                                                   std::uint64_t bytes_max = default_bytes);

    /// The line that each start, and each file, begins with.
    Result<void> begin(std::string start_line);
    /// Without its line end. After one that failed, the start line comes first again: there are
    /// events missing.
    Result<void> write(std::string line);
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
