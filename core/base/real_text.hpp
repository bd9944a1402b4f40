#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling {

/// The shortest decimal text that reads back as the same binary64, the same on every machine;
/// "nan", "inf", "-inf".
std::string real_text(double value);

/// The number that `text` is as a whole; nothing: it is none.
std::optional<double> real_in(std::string_view text);

}  // namespace starling
