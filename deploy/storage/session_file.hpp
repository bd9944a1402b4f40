#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/result.hpp"

namespace starling {

/// A number for this start of a node, larger than that of every earlier start with this directory,
/// even where the host's clock was set back meanwhile: the ledger takes a command with a smaller
/// one for a late one of an earlier start. Nanoseconds since 1970 where the clock goes right. Kept
/// in the file `session`, durable when this returns. Errc::io names the file.
Result<std::uint64_t> next_session(const std::filesystem::path& data_directory);

/// The next one is larger than `session` too, another start's number. Errc::io names the file.
Result<void> raise_session(const std::filesystem::path& data_directory, std::uint64_t session);

}  // namespace starling
