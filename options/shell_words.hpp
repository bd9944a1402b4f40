#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// Splits a text into words as a POSIX shell does: at blanks; 'single' and "double" quotes keep
/// them; a backslash takes the next character as it is (in double quotes only before \ " $ and `).
/// Nothing is expanded. Errc::usage: a quote without its end, a backslash at the end.
Result<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace starling
