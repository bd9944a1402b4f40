#include "transport/process/program_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include <unistd.h>

namespace starling {

namespace fs = std::filesystem;

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

}  // namespace starling
