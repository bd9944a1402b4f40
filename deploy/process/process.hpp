#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

#include "transport/descriptor.hpp"

namespace starling {

/// Start time of a process in clock ticks since the machine started (/proc/PID/stat, field 22):
/// together with the pid it identifies a process. Nothing if there is no such process or it is a
/// zombie.
std::optional<std::uint64_t> process_start_ticks(pid_t pid);

/// \param process  of open_process(). \return  false, with errno, if the process has ended.
bool send_signal(const Descriptor& process, int signal);

}  // namespace starling
