#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

// -d: a node that goes on in the background. Its launcher, the process that the operator has
// started, stays until the node is up or has ended, and shows what a foreground node would have
// shown: errors, warnings and whatever comes on standard error.

/// How long a launcher waits for what depends on others once this host has done its part.
constexpr std::chrono::seconds start_patience{20};

/// Makes a child with a session of its own, which goes on with this function returning nothing. The
/// launcher returns its exit code: 0 once the child is up, else the child's own, with a last line
/// that says so. SIGINT and SIGTERM to the launcher end the child.
/// \pre no thread runs yet, and block_signals() was called. Errc::io: no process can be made.
Result<std::optional<int>> detach_process(std::string_view program,
                                          std::chrono::milliseconds patience = start_patience);

// In the detached process; in the foreground they do nothing.

/// Where its log is, for the last line of a launcher whose child has failed.
void announce_log(const std::filesystem::path& file);
/// All that this host can do is done: a launcher that has waited long enough for the rest goes,
/// with 0 and `text`.
void announce_waiting(const std::string& text);
/// The launcher prints `text` and ends with 0, and this process lets go of the terminal. From then
/// on only the log file hears of it.
void announce_started(const std::string& text);

}  // namespace starling
