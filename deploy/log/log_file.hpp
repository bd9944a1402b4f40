#pragma once

#include <filesystem>
#include <string_view>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

// A log spans many starts of its node or program. Each begins with a start line: `2026-11-27
// 10:00:24,123 : swarm.start : INFO : Start of sl 'sl1' by run-sl (Starling 0.1.0) as process
// 1234`.

/// Appends a line in the format of a TraceLog. Creates the file with mode 0600 if needed. Errc::io
/// names it.
Result<void> append_log_line(const std::filesystem::path& file, Level level,
                             std::string_view component, std::string_view text);
Result<void> append_start_line(const std::filesystem::path& file, std::string_view text);

/// Offset of the newest start line; 0: there is none.
/// \param log  an open file.
off_t newest_start(int log);

/// The last non-blank line of `file`, at most `bytes_max` bytes; empty: there is none after the
/// newest start line.
std::string last_line(const std::filesystem::path& file, std::size_t bytes_max = 300);

/// The text with control characters escaped, so that it can't start another line or move a
/// terminal's cursor.
std::string one_line(std::string_view text);

}  // namespace starling
