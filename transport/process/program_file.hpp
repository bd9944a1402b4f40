#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// The file of `program`: a name without '/' is searched in `path` (as in PATH), a relative path
/// starts at `working_directory`. Errc::io if it is not found or can't be executed.
Result<std::filesystem::path> find_program(const std::string& program,
                                           const std::filesystem::path& working_directory,
                                           const std::string& path);

/// If `program` is a script, checks that the system can run it. Errc::io: it has Windows line ends,
/// or the interpreter in its first line can't be run; the message tells what to do.
Result<void> check_script(const std::filesystem::path& program);

}  // namespace starling
