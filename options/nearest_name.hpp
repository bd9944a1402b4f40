#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace starling {

/// The name that was most likely meant by `typed`, or nothing if none is near. By weighted edit
/// distance: omissions and swapped letters are the cheapest ("--sn-port" for "--sn-api-port"), then
/// wrong letters, then extra letters.
std::optional<std::string_view> nearest_name(std::string_view typed,
                                             std::span<const std::string_view> names);

}  // namespace starling
