#include "deploy/process/process.hpp"

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/syscall.h>
#include <unistd.h>

namespace starling {

std::optional<std::uint64_t> process_start_ticks(pid_t pid) {
    if (pid <= 0) {
        return std::nullopt;
    }
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) {
        return std::nullopt;
    }
    // Field 2 is the program's name in brackets, and may itself contain brackets.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream fields(line.substr(name_end + 1));
    constexpr int state_field = 3;
    constexpr int start_field = 22;
    std::string field;
    for (int number = state_field; number <= start_field && fields >> field; ++number) {
        if (number == state_field && (field == "Z" || field == "X")) {
            return std::nullopt;
        }
        if (number == start_field) {
            return std::stoull(field);
        }
    }
    return std::nullopt;
}

bool send_signal(const Descriptor& process, int signal) {
    return syscall(SYS_pidfd_send_signal, process.number(), signal, nullptr, 0U) == 0;
}

}  // namespace starling
