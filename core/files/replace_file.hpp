#pragma once

#include <filesystem>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Writes the concatenation of `parts` beside `path`, makes it durable and renames it: a reader
/// finds the old file or the whole new one, whatever happens. Makes missing directories. Readable
/// and writable by the owner, readable by others as the umask allows. Errc::io: names the file and
/// what the operating system said; nothing is left behind.
Result<void> replace_file(const std::filesystem::path& path, std::span<const ByteView> parts);

}  // namespace starling
