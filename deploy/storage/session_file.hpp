#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/result.hpp"

namespace starling {

/// The session number of a new start of a node: larger than those of all earlier starts with this
/// directory, even if the host's clock was set back, since the ledger refuses commands with a
/// smaller number as late ones of an earlier start. Normally nanoseconds since 1970. Kept in the
/// file `session`, durable on return. Errc::io names the file.
Result<std::uint64_t> next_session(const std::filesystem::path& data_directory);

/// Makes the next number larger than `session`, that of a start of the same node on another host.
/// Errc::io names the file.
Result<void> raise_session(const std::filesystem::path& data_directory, std::uint64_t session);

}  // namespace starling
