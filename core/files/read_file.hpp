#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/result.hpp"

namespace starling {

/// Opens a file for reading. A stream opens a directory too, and then reads nothing out of it or
/// throws, so a directory is refused here. Errc::io: names the file and what the operating system
/// said.
Result<std::ifstream> open_file(const std::filesystem::path& path);

/// The whole file. Errc::io as above, also when reading fails on the way; Errc::too_large: it has
/// more than `bytes_max` bytes (what is not a regular file, as a pipe, may be read too).
Result<std::string> read_whole_file(const std::filesystem::path& path,
                                    std::uint64_t bytes_max = std::uint64_t{1} << 32U);

}  // namespace starling
