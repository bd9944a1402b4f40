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
constexpr std::chrono::seconds start_wait_limit{20};

/// Forks. In the child, which has a session of its own (setsid()), it returns nothing. In the
/// launcher it returns when the start has succeeded or failed: the exit code of the launcher, 0
/// once the child is up, otherwise the child's. SIGINT and SIGTERM to the launcher end the child.
/// Errc::io: no process can be made.
/// \param program     its name, for messages
/// \param wait_limit  see announce_waiting()
/// \pre  no thread runs yet, and block_signals() was called.
Result<std::optional<int>> detach_process(std::string_view program,
                                          std::chrono::milliseconds wait_limit = start_wait_limit);

// To be called in the detached process; without effect in the foreground.

/// Tells the launcher the log file, which it names if the child fails.
void announce_log(const std::filesystem::path& file);
/// This host's part of the start is done, and other hosts are awaited. If that takes longer than
/// `wait_limit` of detach_process(), the launcher prints `text` and ends with 0.
void announce_waiting(const std::string& text);
/// The launcher prints `text` and ends with 0. This process closes its standard output and error;
/// from then on it writes to the log file only.
void announce_started(const std::string& text);

}  // namespace starling
