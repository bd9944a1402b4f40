#include "deploy/detach.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/process.hpp"

namespace starling {
namespace {

int parent_pipe = -1;  // to the parent that waits; -1: none does

void point_to_null(int target, int flags) {
    const int null = ::open("/dev/null", flags | O_CLOEXEC);
    if (null >= 0) {
        ::dup2(null, target);
        ::close(null);
    }
}

/// What the child says until it has started or ended, printed; then how it went.
int wait_for_child(pid_t child, int pipe) {
    std::array<char, 512> text{};
    ssize_t count = 0;
    bool started = false;
    while ((count = ::read(pipe, text.data(), text.size())) != 0) {
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            break;
        }
        started = true;
        [[maybe_unused]] const ssize_t written =
            ::write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(count));
    }
    if (started) {
        return 0;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return ExitStatus::of(status).exit_code();
}

}  // namespace

Result<std::optional<int>> detach_process() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error{Errc::io, std::string("-d: no pipe can be made: ") + std::strerror(errno)};
    }
    const pid_t child = ::fork();
    if (child < 0) {
        return Error{Errc::io, std::string("-d: no process can be made: ") + std::strerror(errno)};
    }
    if (child > 0) {
        ::close(ends[1]);
        return std::optional<int>(wait_for_child(child, ends[0]));
    }
    ::close(ends[0]);
    parent_pipe = ends[1];
    ::setsid();
    point_to_null(STDIN_FILENO, O_RDONLY);
    point_to_null(STDOUT_FILENO, O_WRONLY);  // its log lines are for the log file
    return std::optional<int>();
}

void announce_started(const std::string& text) {
    if (parent_pipe < 0) {
        return;
    }
    [[maybe_unused]] const ssize_t written = ::write(parent_pipe, text.data(), text.size());
    ::close(parent_pipe);
    parent_pipe = -1;
    point_to_null(STDERR_FILENO, O_WRONLY);
}

}  // namespace starling
