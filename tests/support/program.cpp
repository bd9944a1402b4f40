#include "tests/support/program.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace starling::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

}  // namespace

Program::Program(std::vector<std::string> arguments, std::vector<std::string> environment) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe");
    }
    for (const char* name : {"PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                             "TSAN_OPTIONS", "TMPDIR"}) {
        if (const char* value = std::getenv(name)) {
            environment.push_back(std::string(name) + "=" + value);
        }
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    const int failed = ::posix_spawn(&pid_, arguments.front().c_str(), &actions, nullptr,
                                     pointers(arguments).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    pipe_ = ends[0];
    if (failed != 0) {
        pid_ = -1;
        throw std::runtime_error("can't start " + arguments.front());
    }
}

Program::~Program() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        reap();
    }
    ::close(pipe_);
}

int Program::reap() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool Program::read_some(std::chrono::steady_clock::time_point deadline) {
    pollfd ready{pipe_, POLLIN, 0};
    if (at_end_ || ::poll(&ready, 1, milliseconds_until(deadline)) <= 0) {
        return false;
    }
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(pipe_, buffer.data(), buffer.size());
    if (size <= 0) {
        at_end_ = true;
        return false;
    }
    output_.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
}

void Program::drain() {
    while (read_some(std::chrono::steady_clock::now())) {
    }
}

bool Program::wait_for(const std::string& text, Seconds limit, std::size_t from) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (output_.find(text, from) == std::string::npos) {
        if (!read_some(deadline)) {
            return false;
        }
    }
    return true;
}

int Program::wait_exit(Seconds limit) {
    if (pid_ < 0) {
        return exit_code_;
    }
    const auto deadline = std::chrono::steady_clock::now() + limit;
    // Waits for the process, not for the end of the pipe: a child of it may hold the pipe open.
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    for (;;) {
        std::array<pollfd, 2> ready = {{{handle, POLLIN, 0}, {at_end_ ? -1 : pipe_, POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), milliseconds_until(deadline)) <= 0) {
            ::close(handle);
            return -1;
        }
        if (ready[1].revents != 0) {
            read_some(deadline);
            continue;
        }
        if (ready[0].revents != 0) {
            ::close(handle);
            return exit_code_ = reap();
        }
    }
}

void Program::signal(int number) const {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

std::vector<pid_t> Program::children() const {
    const std::string pid = std::to_string(pid_);
    std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
    std::vector<pid_t> found;
    for (pid_t child = 0; file >> child;) {
        found.push_back(child);
    }
    return found;
}

}  // namespace starling::test
