#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "core/base/result.hpp"
#include "deploy/host/pid_file.hpp"

namespace starling {

struct FollowOptions {
    bool since_start = false;                 ///< begin with the newest start, else with the first
    std::optional<std::uint64_t> last_lines;  ///< of those begin with so many; none: with all
    std::optional<PidRecord> writer;          ///< follow until this process has ended; none: don't
};

/// Hands on what a log file holds, and then, as it comes, what `writer` adds to it. `out` returns
/// false to end. Errc::io names the file.
Result<void> follow_log(const std::filesystem::path& file, const FollowOptions& options,
                        const std::function<bool(std::string_view)>& out);

}  // namespace starling
