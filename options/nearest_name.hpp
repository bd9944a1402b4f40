#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace starling {

/// The name that somebody who typed `typed` most likely meant, or nothing if none is near. Leaving
/// something out is the cheapest mistake ("--sn-port" for "--sn-api-port"), then swapped letters,
/// wrong letters, and letters too many.
std::optional<std::string_view> nearest_name(std::string_view typed,
                                             std::span<const std::string_view> names);

}  // namespace starling
