#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// What --ml-v=DIR:PATH mounts in a container, for a program that runs without one: PATH becomes a
/// symbolic link to DIR, and the directories above it are made. Nothing is done where PATH leads to
/// DIR already.
/// \param volumes  the values of --ml-v; DIR is relative to `base`, options after PATH (":ro") are
///   ignored.
/// \return  the links that were made, as "PATH -> DIR".
///   Errc::usage: PATH is missing or not absolute; Errc::io: DIR is no directory, or PATH is
///   something else.
Result<std::vector<std::string>> link_volumes(const std::vector<std::string>& volumes,
                                              const std::filesystem::path& base);

}  // namespace starling
