#include "deploy/process/process.hpp"

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include <sys/syscall.h>
#include <sys/wait.h>
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

bool send_signal(const Descriptor& process, int signal) {
    return syscall(SYS_pidfd_send_signal, process.number(), signal, nullptr, 0U) == 0;
}

}  // namespace starling
