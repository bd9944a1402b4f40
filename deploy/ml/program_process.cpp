// Starts and supervises a child process. Between fork() and execve() only async-signal-safe calls
// are made, since other threads may hold locks. Errors of the child are reported through a pipe
// that a successful execve() closes. The child gets SIGTERM when the thread that started it ends
// (PR_SET_PDEATHSIG), so that a killed run-sl leaves no program behind.
#include "deploy/ml/program_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <linux/close_range.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::array base_variables{
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
    "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "OMP_NUM_THREADS",
    // These select numerical kernels: with others the results would differ in bits from those of a
    // simulation, which inherits the whole environment.
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA", "http_proxy", "https_proxy", "no_proxy"};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// What the child needs, prepared before the fork.
struct ChildPlan {
    std::string program;
    std::string directory;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    int log = -1;
    int null = -1;
    int report = -1;  ///< pipe for the failed step and its errno; closed by a successful exec
    pid_t parent = 0;
};

/// Reports to the parent which step failed (0 = directory, 1 = exec) and errno, and ends the child.
[[noreturn]] void give_up(int report, int step) {
    const std::array<int, 2> message{step, errno};
    [[maybe_unused]] const ssize_t written = ::write(report, message.data(), sizeof(message));
    _exit(127);
}

[[noreturn]] void run_child(const ChildPlan& plan, char** arguments, char** environment) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != plan.parent) {
        _exit(127);  // the parent ended before prctl()
    }
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGXFSZ, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(plan.null, STDIN_FILENO);
    ::dup2(plan.log, STDOUT_FILENO);
    ::dup2(plan.log, STDERR_FILENO);
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (::chdir(plan.directory.c_str()) != 0) {
        give_up(plan.report, 0);
    }
    ::execve(plan.program.c_str(), arguments, environment);
    give_up(plan.report, 1);
}

Error can_not_start(const std::string& what, int number) {
    return {Errc::io, what + ": " + std::strerror(number)};
}

Result<pid_t> spawn(ChildPlan& plan) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return can_not_start("program " + plan.program + " can't be started", errno);
    }
    const Descriptor read_end(ends[0]);
    Descriptor write_end(ends[1]);
    plan.report = write_end.number();
    plan.parent = ::getpid();
    const std::vector<char*> arguments = pointers(plan.arguments);
    const std::vector<char*> environment = pointers(plan.environment);
    const pid_t pid = ::fork();
    if (pid < 0) {
        return can_not_start("program " + plan.program + " can't be started", errno);
    }
    if (pid == 0) {
        run_child(plan, const_cast<char**>(arguments.data()),
                  const_cast<char**>(environment.data()));
    }
    write_end.close();
    std::array<int, 2> message{};
    ssize_t got = 0;
    do {
        got = ::read(read_end.number(), message.data(), sizeof(message));
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        return pid;  // a successful exec closed the pipe
    }
    ::waitpid(pid, nullptr, 0);
    if (got != sizeof(message)) {
        return can_not_start("program " + plan.program + " can't be started", EIO);
    }
    if (message[0] == 0) {
        return can_not_start("working directory " + plan.directory + " (--ml-w) can't be used",
                             message[1]);
    }
    Error error = can_not_start("program " + plan.program + " (--ml-entrypoint) can't be started",
                                message[1]);
    if (message[1] == ENOEXEC) {
        error.message +=
            ": it is neither a program for this machine nor a script whose first line names its "
            "interpreter (#!/bin/sh)";
    } else if (message[1] == ENOENT) {
        error.message += ": the dynamic loader that it needs is not on this system";
    }
    return error;
}

}  // namespace

Result<fs::path> find_program(const std::string& program, const fs::path& working_directory,
                              const std::string& path) {
    std::vector<fs::path> candidates;
    if (program.find('/') != std::string::npos) {
        candidates.push_back(working_directory / program);
    } else {
        std::istringstream directories(path);
        std::string directory;
        while (std::getline(directories, directory, ':')) {
            candidates.push_back(working_directory / directory / program);
        }
    }
    std::optional<fs::path> found;
    for (const fs::path& candidate : candidates) {
        std::error_code ignored;
        if (!fs::is_regular_file(candidate, ignored)) {
            continue;
        }
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate.lexically_normal();
        }
        found = candidate;
    }
    if (found) {
        return Error{Errc::io, "program " + found->string() +
                                   " (--ml-entrypoint) can't be executed: chmod +x it"};
    }
    return Error{Errc::io, "program " + program + " (--ml-entrypoint) not found: searched for " +
                               (program.find('/') == std::string::npos
                                    ? "it in PATH " + path
                                    : (working_directory / program).lexically_normal().string())};
}

Result<void> check_script(const fs::path& program) {
    std::ifstream file(program, std::ios::binary);
    std::array<char, 256> start{};  // Linux reads no more than this of a first line
    file.read(start.data(), start.size());
    std::string line(start.data(), static_cast<std::size_t>(file.gcount()));
    line.resize(std::min(line.size(), line.find('\n')));
    if (!line.starts_with("#!")) {
        return {};
    }
    const std::string script = "program " + program.string() + " (--ml-entrypoint) is a script";
    if (line.ends_with('\r')) {
        return Error{Errc::io,
                     script +
                         " with Windows line ends (CRLF): the system would look for an interpreter "
                         "whose name ends with a carriage return. Convert it: sed -i 's/\\r$//' " +
                         program.string()};
    }
    const std::size_t begin = line.find_first_not_of(" \t", 2);
    const std::string interpreter =
        begin == std::string::npos ? ""
                                   : line.substr(begin, line.find_first_of(" \t", begin) - begin);
    if (interpreter.starts_with('/') && ::access(interpreter.c_str(), X_OK) != 0) {
        return Error{Errc::io,
                     script + " for the interpreter '" + interpreter +
                         "', as its first line says, which can't be run: " + std::strerror(errno)};
    }
    return {};
}

std::map<std::string, std::string> clean_environment(
    const std::map<std::string, std::string>& own) {
    std::map<std::string, std::string> clean;
    for (const char* name : base_variables) {
        if (const auto found = own.find(name); found != own.end()) {
            clean.insert(*found);
        }
    }
    clean.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
    return clean;
}

Result<std::unique_ptr<ProgramProcess>> ProgramProcess::start(const ProgramCommand& command,
                                                              OnExit on_exit) {
    const auto path = command.environment.find("PATH");
    const Result<fs::path> program =
        find_program(command.program, command.working_directory,
                     path == command.environment.end() ? "" : path->second);
    if (!program) {
        return program.error();
    }
    if (const Result<void> runs = check_script(*program); !runs) {
        return runs.error();
    }
    const Descriptor log(
        ::open(command.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return write_error(command.log_file, errno);
    }
    const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ChildPlan plan;
    plan.program = program->string();
    plan.directory = command.working_directory.string();
    plan.arguments = command.arguments;
    plan.arguments.insert(plan.arguments.begin(), command.program);
    for (const auto& [name, value] : command.environment) {
        plan.environment.push_back(name + "=" + value);
    }
    plan.log = log.number();
    plan.null = null.number();
    const Result<pid_t> pid = spawn(plan);
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
    const std::vector<char*> arguments = pointers(words);
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
