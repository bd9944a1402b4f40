#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

#include "transport/descriptor.hpp"

namespace starling {

/// Start time of a process in clock ticks since the machine started (/proc/PID/stat, field 22):
/// together with the pid it identifies a process. Nothing if there is no such process or it is a
/// zombie.
std::optional<std::uint64_t> process_start_ticks(pid_t pid);

/// This process's environment. A name given twice keeps its first value, as getenv does.
std::map<std::string, std::string> process_environment();

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
/// \return  false, with errno, if the process has ended.
bool send_signal(const Descriptor& process, int signal);

}  // namespace starling
