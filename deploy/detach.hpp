#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"

namespace starling {

// -d: a node that goes on in the background.

/// Makes a child with a session of its own, which goes on with this function returning nothing; the
/// parent waits until the child calls announce_started() or ends, and gets its exit code. \pre no
/// thread runs yet. Errc::io: no process can be made.
Result<std::optional<int>> detach_process();

/// In a detached process: tells the parent, which prints `text` and ends with 0, and lets go of the
/// terminal. Does nothing in the foreground. From then on only the log file hears of this process.
void announce_started(const std::string& text);

}  // namespace starling
