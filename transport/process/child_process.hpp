#pragma once

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "transport/descriptor.hpp"

namespace starling {

/// This process's environment. A name given twice keeps its first value, as getenv does.
std::map<std::string, std::string> process_environment();

/// The few variables of `own` that every ML program gets: PATH, HOME, LANG, TMPDIR,
/// LD_LIBRARY_PATH, the sanitizers' options and the like.
std::map<std::string, std::string> clean_environment(const std::map<std::string, std::string>& own);

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< of exit()
    int signal = 0;  ///< signal that ended it; 0: none

    static ExitStatus of(int wait_status);
    /// As a shell reports it: 128 + signal.
    int exit_code() const { return signal != 0 ? 128 + signal : code; }
    /// "ended with exit code 2", "ended by signal 9 (Killed)".
    std::string text() const;
};

/// A descriptor of process `pid` (pidfd), which becomes readable when it ends. Invalid, with errno,
/// if there is no such process.
Descriptor open_process(pid_t pid);

/// A program to start as a child process.
struct ChildCommand {
    std::string program;                             ///< a path, or a name that is searched in PATH
    std::vector<std::string> arguments;              ///< without the program's name
    std::filesystem::path working_directory;         ///< absolute
    std::map<std::string, std::string> environment;  ///< complete
    int output = -1;                                 ///< descriptor: its stdout and stderr
    int inherited = -1;        ///< descriptor that it gets under the same number; -1: none
    int end_signal = SIGTERM;  ///< that it gets when the thread that has started it ends
};

/// Starts it with a process group of its own and without other descriptors; its input is empty.
/// Errc::io: the program or its directory can't be used; then nothing was run.
Result<pid_t> start_child(const ChildCommand& command);

}  // namespace starling
