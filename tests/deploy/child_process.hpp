#pragma once

#include <array>
#include <csignal>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace starling {

/// A child process that runs `body(ready)` and ends; the constructor returns when `ready()` is
/// called. The destructor kills and reaps it.
class ChildProcess {
public:
    template <typename Body>
    explicit ChildProcess(Body body) {
        std::array<int, 2> ends{};
        [[maybe_unused]] const int made = ::pipe(ends.data());
        pid_ = ::fork();
        if (pid_ == 0) {
            body([&] { [[maybe_unused]] const auto n = ::write(ends[1], "r", 1); });
            _exit(0);
        }
        ::close(ends[1]);
        char ready = 0;
        [[maybe_unused]] const auto n = ::read(ends[0], &ready, 1);
        ::close(ends[0]);
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }

    pid_t pid() const { return pid_; }
    /// \return the status of waitpid.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }

private:
    pid_t pid_ = -1;
};

}  // namespace starling
