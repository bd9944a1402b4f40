#pragma once

#include <string_view>

namespace starling {

/// Of the program, as `--version` prints it: "0.1.0".
std::string_view program_version();

}  // namespace starling
