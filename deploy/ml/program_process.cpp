// Supervises a child process in a thread of its own.
#include "deploy/ml/program_process.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "transport/descriptor.hpp"

namespace starling {

Result<std::unique_ptr<ProgramProcess>> ProgramProcess::start(const ProgramCommand& command,
                                                              OnExit on_exit) {
    const Descriptor log(
        ::open(command.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return write_error(command.log_file, errno);
    }
    ChildCommand child;
    child.program = command.program;
    child.arguments = command.arguments;
    child.working_directory = command.working_directory;
    child.environment = command.environment;
    child.output = log.number();
    const Result<pid_t> pid = start_child(child);
    if (!pid) {
        return pid.error();
    }
    return std::unique_ptr<ProgramProcess>(
        new ProgramProcess(*pid, command.cleanup, std::move(on_exit)));
}

ProgramProcess::ProgramProcess(pid_t pid, std::vector<std::string> cleanup, OnExit on_exit)
    : pid_(pid), cleanup_(std::move(cleanup)), on_exit_(std::move(on_exit)) {
    watcher_ = std::thread([this] { watch(); });
}

ProgramProcess::~ProgramProcess() {
    kill_group(SIGKILL);
    watcher_.join();
}

void ProgramProcess::watch() {
    siginfo_t info{};
    // Leaves it a zombie, so that its pid is not reused before kill_group() knows that it has
    // ended.
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    int wait_status = 0;
    ExitStatus status;
    {
        const std::lock_guard lock(mutex_);
        ::waitpid(pid_, &wait_status, 0);
        status = ExitStatus::of(wait_status);
        status_ = status;
    }
    changed_.notify_all();
    if (on_exit_) {
        on_exit_(status);
    }
}

void ProgramProcess::kill_group(int signal) {
    const std::lock_guard lock(mutex_);
    if (!status_) {
        ::kill(-pid_, signal);
        ::kill(pid_, signal);  // in case it has not called setpgid() yet
    }
}

/// A container outlives the killed client that started it.
void ProgramProcess::clean_up() const {
    if (cleanup_.empty()) {
        return;
    }
    std::vector<std::string> words = cleanup_;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawn(&child, words.front().c_str(), nullptr, nullptr, arguments.data(), environ) ==
        0) {
        ::waitpid(child, nullptr, 0);
    }
}

bool ProgramProcess::wait_until(std::chrono::steady_clock::time_point when) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, when, [this] { return status_.has_value(); });
}

ExitStatus ProgramProcess::finish(std::chrono::milliseconds wait_limit,
                                  std::chrono::milliseconds limit) {
    const auto begin = std::chrono::steady_clock::now();
    if (!wait_until(begin + wait_limit)) {
        kill_group(SIGTERM);
        if (!wait_until(begin + limit)) {
            kill_group(SIGKILL);
            clean_up();
        }
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return status_.has_value(); });
    return *status_;
}

}  // namespace starling
