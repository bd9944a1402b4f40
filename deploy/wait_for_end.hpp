#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "deploy/workspace.hpp"

namespace starling {

/// How a wait came out.
struct WaitEnd {
    std::string text;              ///< for a person: "sl1 ended with exit code 0 after 35 s"
    std::optional<int> exit_code;  ///< none: the time was over, and it runs on
};

/// Waits until node or ML program `name` of this host has ended, also with --rm; one that has ended
/// already is told of at once. One that was killed has exit code 1.
/// Errc::usage: nothing of that name was started here, or its files are removed.
Result<WaitEnd> wait_for_end(const Workspace& workspace, const std::string& name,
                             std::optional<std::chrono::steady_clock::time_point> deadline);

/// "there are sn1, sl1, ml1": what could have been meant.
std::string known_names(const Workspace& workspace);

}  // namespace starling
