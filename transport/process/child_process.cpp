// Starts a child process. Between fork() and execve() only async-signal-safe calls are made, since
// other threads may hold locks. Errors of the child are reported through a pipe that a successful
// execve() closes. The child gets a signal when the thread that started it ends (PR_SET_PDEATHSIG),
// so that a killed parent leaves no program behind.
#include "transport/process/child_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/process/program_file.hpp"

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
    int output = -1;
    int null = -1;
    int inherited = -1;
    int report = -1;  ///< pipe for the failed step and its errno; closed by a successful exec
    int end_signal = SIGTERM;
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
    ::prctl(PR_SET_PDEATHSIG, plan.end_signal);
    if (::getppid() != plan.parent) {
        _exit(127);  // the parent ended before prctl()
    }
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGXFSZ, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(plan.null, STDIN_FILENO);
    ::dup2(plan.output, STDOUT_FILENO);
    ::dup2(plan.output, STDERR_FILENO);
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (plan.inherited >= 0) {
        ::fcntl(plan.inherited, F_SETFD, 0);
    }
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

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text(*entry);
        const std::size_t equals = text.find('=');
        if (equals != std::string::npos) {
            environment.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return environment;
}

ExitStatus ExitStatus::of(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        return {0, WTERMSIG(wait_status)};
    }
    return {WEXITSTATUS(wait_status), 0};
}

std::string ExitStatus::text() const {
    if (signal != 0) {
        return "ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
    }
    return "ended with exit code " + std::to_string(code);
}

Descriptor open_process(pid_t pid) {
    return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)));
}

Result<pid_t> start_child(const ChildCommand& command) {
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
    const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ChildPlan plan;
    plan.program = program->string();
    plan.directory = command.working_directory.string();
    plan.arguments = command.arguments;
    plan.arguments.insert(plan.arguments.begin(), command.program);
    for (const auto& [name, value] : command.environment) {
        plan.environment.push_back(name + "=" + value);
    }
    plan.output = command.output;
    plan.null = null.number();
    plan.inherited = command.inherited;
    plan.end_signal = command.end_signal;
    return spawn(plan);
}

}  // namespace starling
