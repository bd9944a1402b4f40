// tail -f for logs that rotate in two ways: nodes rename their log to FILE.1, while the log of an
// ML program, which keeps its file open, is copied to FILE.1 and truncated (copytruncate of
// logrotate). No line is lost or repeated: after each wait, inode, size and FILE.1 tell which of
// them happened.
#include "deploy/host/follow_log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/log/log_file.hpp"
#include "deploy/log/rotation.hpp"
#include "deploy/process/process.hpp"
#include "transport/process/child_process.hpp"

namespace starling {
namespace {

constexpr std::size_t block_bytes = 65536;
/// A file that was started before inotify watched it is found by polling.
constexpr int poll_interval_ms = 500;

Error failed(const std::filesystem::path& file) {
    return {Errc::io, "log file " + file.string() + " can't be read: " + std::strerror(errno)};
}

/// Offset of the last `lines` lines.
off_t begin_of_last(int file, std::uint64_t lines) {
    const off_t size = ::lseek(file, 0, SEEK_END);
    std::uint64_t seen = 0;
    std::array<char, block_bytes> block{};
    for (off_t end = size; end > 0;) {
        const off_t begin =
            end > static_cast<off_t>(block.size()) ? end - static_cast<off_t>(block.size()) : 0;
        const ssize_t count =
            ::pread(file, block.data(), static_cast<std::size_t>(end - begin), begin);
        for (ssize_t i = count - 1; i >= 0; --i) {
            const bool last_byte = begin + i + 1 == size;
            if (block[static_cast<std::size_t>(i)] == '\n' && !last_byte && ++seen == lines) {
                return begin + i + 1;
            }
        }
        end = count > 0 ? begin : 0;
    }
    return lines == 0 ? size : 0;
}

/// Copies from the current offset to the end. False: `out` returned false.
bool copy_rest(int file, const std::function<bool(std::string_view)>& out) {
    std::array<char, block_bytes> block{};
    ssize_t count = 0;
    while ((count = ::read(file, block.data(), block.size())) > 0) {
        if (!out(std::string_view(block.data(), static_cast<std::size_t>(count)))) {
            return false;
        }
    }
    return true;
}

/// A log that may be rotated while it is read: by renaming, as nodes do, or, as for an ML program's
/// log, by a copy to FILE.1 before FILE is truncated.
class RotatingLog {
public:
    explicit RotatingLog(std::filesystem::path path)
        : path_(std::move(path)), older_(identity(open_older())), file_(open_log()) {}

    const Descriptor& file() const { return file_; }

    /// Copies what was added since the last call. False: `out` returned false.
    bool copy_new(const std::function<bool(std::string_view)>& out) {
        for (;;) {
            if (!copy_rest(file_.number(), out)) {
                return false;
            }
            struct stat here {};
            struct stat there {};
            const Descriptor older_file = open_older();
            const Older older = identity(older_file);
            if (::fstat(file_.number(), &here) != 0 || ::stat(path_.c_str(), &there) != 0) {
                return true;  // it was just renamed
            }
            if (here.st_ino != there.st_ino) {
                if (!copy_rest(file_.number(), out)) {
                    return false;
                }
                previous_inode_ = here.st_ino;
                file_ = open_log();
            } else if (older_file && older != older_) {
                older_ = older;
                if (!copy_older(older_file, here.st_ino, out)) {
                    return false;
                }
            } else if (!truncated_by_others(here.st_size)) {
                return true;
            }
        }
    }

private:
    using Older = std::tuple<ino_t, off_t, time_t, long>;

    /// Copies the rest of FILE.1, from the current offset in FILE, which was truncated.
    /// \param open  FILE's inode.
    bool copy_older(const Descriptor& older, ino_t open,
                    const std::function<bool(std::string_view)>& out) {
        if (std::get<ino_t>(older_) == open || std::get<ino_t>(older_) == previous_inode_) {
            return true;  // it was renamed, and has been read already
        }
        ::lseek(older.number(), ::lseek(file_.number(), 0, SEEK_CUR), SEEK_SET);
        ::lseek(file_.number(), 0, SEEK_SET);
        return copy_rest(older.number(), out);
    }

    /// Whether FILE was truncated without a copy: it is shorter than the current offset, and no
    /// FILE.1 has appeared for a while. Then reading starts at its beginning.
    bool truncated_by_others(off_t size) {
        const auto now = std::chrono::steady_clock::now();
        if (size >= ::lseek(file_.number(), 0, SEEK_CUR)) {
            truncated_at_.reset();
            return false;
        }
        if (now - truncated_at_.value_or(now) < std::chrono::milliseconds(poll_interval_ms)) {
            truncated_at_ = truncated_at_.value_or(now);
            return false;
        }
        ::lseek(file_.number(), 0, SEEK_SET);
        truncated_at_.reset();
        return true;
    }

    Descriptor open_log() const { return Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }
    /// Not open during a rotation: FILE.1 was renamed to FILE.2, and the next one does not exist
    /// yet.
    Descriptor open_older() const {
        return Descriptor(::open(older_log(path_).c_str(), O_RDONLY | O_CLOEXEC));
    }
    /// By descriptor, since its name may denote another file a moment later.
    static Older identity(const Descriptor& file) {
        struct stat info {};
        if (file) {
            ::fstat(file.number(), &info);
        }
        return {info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    }

    const std::filesystem::path path_;
    Older older_;  ///< FILE.1 when FILE was started
    Descriptor file_;
    ino_t previous_inode_ = 0;  ///< of the file that was followed before and renamed
    std::optional<std::chrono::steady_clock::time_point> truncated_at_;  ///< when first noticed
};

}  // namespace

Result<void> follow_log(const std::filesystem::path& file, const FollowOptions& options,
                        const std::function<bool(std::string_view)>& out) {
    RotatingLog log(file);
    if (!log.file()) {
        return failed(file);
    }
    off_t begin = options.since_start ? newest_start(log.file().number()) : 0;
    if (options.last_lines) {
        begin = std::max(begin, begin_of_last(log.file().number(), *options.last_lines));
    }
    ::lseek(log.file().number(), begin, SEEK_SET);
    const Descriptor process = options.writer ? open_process(options.writer->pid) : Descriptor();
    const Descriptor changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const bool follow = process && changes && options.writer->running();
    while (log.copy_new(out)) {
        if (!follow) {
            return {};
        }
        // Watches the current file; a second watch of the same file has no effect.
        ::inotify_add_watch(changes.number(), file.c_str(), IN_MODIFY | IN_MOVE_SELF);
        std::array<pollfd, 2> waited = {pollfd{changes.number(), POLLIN, 0},
                                        pollfd{process.number(), POLLIN, 0}};
        if (::poll(waited.data(), waited.size(), poll_interval_ms) < 0 && errno != EINTR) {
            return failed(file);
        }
        std::array<char, 4096> events{};
        while (::read(changes.number(), events.data(), events.size()) > 0) {
        }
        if (waited[1].revents != 0) {  // the writer has ended
            log.copy_new(out);
            return {};
        }
    }
    return {};
}

}  // namespace starling
