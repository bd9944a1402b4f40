#pragma once

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.hpp"

namespace starling {

struct StopReport {
    std::vector<std::string> lines;  ///< for the operator, in order
    bool all_ended = true;
};

/// Ends the nodes of a workspace whose role is in `roles`, SLs before SNs before licence servers:
/// SIGTERM, and after `limit` SIGKILL. Removes the pid files of processes that have ended.
StopReport stop_swarm(const std::filesystem::path& workspace, const std::set<Role>& roles,
                      std::chrono::milliseconds limit);

}  // namespace starling
