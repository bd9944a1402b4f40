#include "deploy/follow_log.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/process.hpp"

namespace starling {
namespace {

constexpr std::size_t block_bytes = 65536;

Error failed(const std::filesystem::path& file) {
    return {Errc::io, "log file " + file.string() + " can't be read: " + std::strerror(errno)};
}

/// Where the last `lines` lines begin.
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

/// All there is from here on. False once `out` has had enough.
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

}  // namespace

Result<void> follow_log(const std::filesystem::path& file, const FollowOptions& options,
                        const std::function<bool(std::string_view)>& out) {
    const Descriptor log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log) {
        return failed(file);
    }
    if (options.last_lines) {
        ::lseek(log.number(), begin_of_last(log.number(), *options.last_lines), SEEK_SET);
    }
    const Descriptor process = options.writer ? open_process(options.writer->pid) : Descriptor();
    const Descriptor changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const bool follow = process && changes && options.writer->running() &&
                        ::inotify_add_watch(changes.number(), file.c_str(), IN_MODIFY) >= 0;
    while (copy_rest(log.number(), out)) {
        if (!follow) {
            return {};
        }
        std::array<pollfd, 2> waited = {pollfd{changes.number(), POLLIN, 0},
                                        pollfd{process.number(), POLLIN, 0}};
        if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
            return failed(file);
        }
        std::array<char, 4096> events{};
        while (::read(changes.number(), events.data(), events.size()) > 0) {
        }
        if (waited[1].revents != 0) {  // it writes no more
            copy_rest(log.number(), out);
            return {};
        }
    }
    return {};
}

}  // namespace starling
