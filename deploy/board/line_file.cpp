#include "deploy/board/line_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace starling {
namespace {

constexpr std::size_t read_bytes = 256U << 10U;

}  // namespace

Result<LineFile> LineFile::open(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        return Error{Errc::io, "trace file '" + path + "': " + std::strerror(errno)};
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return Error{Errc::io, "trace file '" + path + "' is not a regular file"};
    }
    return LineFile(path, std::move(file));
}

std::uint64_t LineFile::position() const {
    return static_cast<std::uint64_t>(std::max<off_t>(0, ::lseek(file_.number(), 0, SEEK_CUR)));
}

std::uint64_t LineFile::size() const {
    struct stat status {};
    return ::fstat(file_.number(), &status) != 0 ? 0 : static_cast<std::uint64_t>(status.st_size);
}

/// The file was rotated, or written anew: there is another one of that name, or it has become
/// shorter.
bool LineFile::replaced() {
    struct stat own {};
    struct stat named {};
    if (::fstat(file_.number(), &own) != 0 || ::stat(path_.c_str(), &named) != 0 ||
        !S_ISREG(named.st_mode)) {
        return false;
    }
    const off_t position = ::lseek(file_.number(), 0, SEEK_CUR);
    return own.st_ino != named.st_ino || own.st_dev != named.st_dev || named.st_size < position;
}

bool LineFile::fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t before = buffer_.size();
    for (const bool second : {false, true}) {
        buffer_.resize(before + read_bytes);
        const ssize_t count = ::read(file_.number(), buffer_.data() + before, read_bytes);
        buffer_.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
        if (count > 0 || second || !replaced()) {
            return count > 0;
        }
        Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!file) {
            return false;
        }
        file_ = std::move(file);
    }
    return false;
}

bool LineFile::next(std::string& line) {
    for (std::size_t from = at_;;) {
        const std::size_t end = buffer_.find('\n', from);
        if (end != std::string::npos) {
            const std::size_t begin = std::exchange(at_, end + 1);
            if (std::exchange(skipping_, false)) {
                from = at_;
                continue;
            }
            line.assign(buffer_, begin, end - begin);
            return true;
        }
        if (buffer_.size() - at_ > line_max) {
            skipped_ += skipping_ ? 0 : 1;
            skipping_ = true;
            at_ = buffer_.size();
        }
        const std::size_t kept = buffer_.size() - at_;
        if (!fill()) {
            return false;
        }
        from = at_ + kept;
    }
}

}  // namespace starling
