#pragma once

#include <optional>
#include <string>

#include "core/base/time.hpp"

namespace starling {

/// "200ms", "1.5s", "2m", "3h", "1d", up to 1e9 seconds. Nothing: it is not of this form.
std::optional<SwarmDuration> parse_duration(const std::string& text);

}  // namespace starling
