#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

// -d: a node that runs in the background. Its launcher, the process that the operator has started,
// waits until the node is up or has ended, and prints its errors, its warnings and its standard
// error.

/// How long a launcher waits for other hosts once this host's part of the start is done.
constexpr std::chrono::seconds start_patience{20};

/// Forks a child with a session of its own, in which this function returns nothing. In the launcher
/// it returns the exit code: 0 once the child is up, otherwise the child's, which it also prints.
/// SIGINT and SIGTERM to the launcher end the child.
/// \pre no thread runs yet, and block_signals() was called. Errc::io: no process can be made.
Result<std::optional<int>> detach_process(std::string_view program,
                                          std::chrono::milliseconds patience = start_patience);

// To be called in the detached process; without effect in the foreground.

/// Tells the launcher the log file, which it names if the child fails.
void announce_log(const std::filesystem::path& file);
/// This host's part of the start is done. If the rest takes longer than the launcher waits, it
/// prints `text` and ends with 0.
void announce_waiting(const std::string& text);
/// The launcher prints `text` and ends with 0. This process closes its standard output and error;
/// from then on it writes to the log file only.
void announce_started(const std::string& text);

}  // namespace starling
