#include "core/runs/run_origin.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/version.hpp"

namespace starling {
namespace {

/// What `command`, a literal, prints: at most 4 KiB, without the line's end; empty: it failed.
std::string output_of_command(const char* command) {
    std::FILE* const pipe = ::popen(command, "re");
    if (pipe == nullptr) {
        return {};
    }
    std::array<char, 4096> buffer{};
    std::string text;
    // To the end: a command whose reader closes early fails.
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        text.append(buffer.data(), std::min(size, buffer.size() - text.size()));
    }
    if (::pclose(pipe) != 0) {
        return {};
    }
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

std::string machine_text() {
    utsname system{};
    ::uname(&system);
    return std::string(system.sysname) + " " + system.release + ", " + system.machine + ", " +
           std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " cores";
}

std::string id_of(std::int64_t now_s, std::uint32_t random) {
    const std::time_t now = now_s;
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> time{};
    std::strftime(time.data(), time.size(), "%Y%m%d-%H%M%S", &utc);
    std::array<char, 16> suffix{};
    std::snprintf(suffix.data(), suffix.size(), "-%06x", random & 0xFFFFFFU);
    return std::string(time.data()) + suffix.data();
}

}  // namespace

RunRecord record_of_here(std::int64_t now_s, std::uint32_t random, std::string program,
                         std::vector<std::string> command) {
    RunRecord record;
    record.id = id_of(now_s, random);
    record.recorded_s = now_s;
    record.program = std::move(program);
    record.command = std::move(command);
    record.version = program_version();
    record.machine = machine_text();
    record.commit = output_of_command("git rev-parse --verify HEAD 2>/dev/null");
    record.modified =
        !record.commit.empty() &&
        !output_of_command("git status --porcelain --untracked-files=no 2>/dev/null").empty();
    return record;
}

}  // namespace starling
