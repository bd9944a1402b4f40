// Invariant: each file begins with the start line, and so does each part that follows a failed
// write. A reader of the trace thus knows whose events follow, and that some may be missing before
// them.
#include "deploy/log/trace_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

Error trace_error(const std::filesystem::path& path) {
    return {Errc::io, write_error(path, errno).message + " (--trace)"};
}

/// Offset behind the last complete line of a file of this size.
off_t end_of_lines(int file, off_t size) {
    std::array<char, 4096> block{};
    for (off_t end = size; end > 0;) {
        const off_t begin =
            end > static_cast<off_t>(block.size()) ? end - static_cast<off_t>(block.size()) : 0;
        const ssize_t count =
            ::pread(file, block.data(), static_cast<std::size_t>(end - begin), begin);
        if (count <= 0) {
            return size;
        }
        for (ssize_t i = count - 1; i >= 0; --i) {
            if (block[static_cast<std::size_t>(i)] == '\n') {
                return begin + i + 1;
            }
        }
        end = begin;
    }
    return 0;
}

}  // namespace

Result<std::unique_ptr<TraceFile>> TraceFile::open(const std::filesystem::path& path,
                                                   std::uint64_t bytes_max) {
    std::unique_ptr<TraceFile> trace(new TraceFile(path, bytes_max));
    if (const Result<void> opened = trace->open_file(); !opened) {
        return opened.error();
    }
    return trace;
}

Result<void> TraceFile::open_file() {
    Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    struct stat info {};
    if (!file || ::fstat(file.number(), &info) != 0) {
        return trace_error(path_);
    }
    bytes_ = 0;
    if (S_ISREG(info.st_mode)) {
        const off_t end = end_of_lines(file.number(), info.st_size);
        if (end < info.st_size && ::ftruncate(file.number(), end) != 0) {
            return trace_error(path_);
        }
        bytes_ = static_cast<std::uint64_t>(end);
    }
    file_.reset(::fdopen(file.number(), "a"));
    if (!file_) {
        return trace_error(path_);
    }
    file.release();
    return {};
}

Result<void> TraceFile::begin(std::string start_line) {
    start_line_ = std::move(start_line);
    return write(start_line_);
}

Result<void> TraceFile::write(std::string line) {
    line.push_back('\n');
    if (broken_ && line != start_line_ + "\n") {
        // The next event must start a line of its own, not continue one that was cut off.
        line.insert(0, "\n" + start_line_ + "\n");
    }
    if (bytes_ > 0 && bytes_ + line.size() > bytes_max_) {
        if (const Result<void> begun = begin_next(); !begun) {
            return begun;
        }
    }
    bytes_ += line.size();
    broken_ = std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size();
    return broken_ ? Result<void>(trace_error(path_)) : Result<void>{};
}

Result<void> TraceFile::begin_next() {
    const Result<void> flushed = flush();
    bytes_ = 0;  // if the next file can't be made, this one is used for another bytes_max_
    if (!flushed) {
        return flushed;
    }
    std::error_code error;
    std::filesystem::rename(path_, path_.string() + ".1", error);
    if (error) {
        return Error{Errc::io, path_.string() + " can't be renamed: " + error.message()};
    }
    if (const Result<void> opened = open_file(); !opened) {
        return opened;
    }
    const std::string line = start_line_ + "\n";
    bytes_ += line.size();
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
        return trace_error(path_);
    }
    return {};
}

Result<void> TraceFile::flush() {
    if (std::fflush(file_.get()) != 0) {
        broken_ = true;
        return trace_error(path_);
    }
    return {};
}

}  // namespace starling
