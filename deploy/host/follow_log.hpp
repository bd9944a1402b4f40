#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "core/base/result.hpp"
#include "deploy/host/pid_file.hpp"

namespace starling {

struct FollowOptions {
    bool since_start = false;  ///< begin with the newest start; otherwise with the oldest
    std::optional<std::uint64_t> last_lines;  ///< only this many lines from before; none: all
    std::optional<PidRecord> writer;  ///< follow until this process has ended; none: don't follow
};

/// Passes the contents of a log file to `out`, and then what `writer` adds, as it is written. `out`
/// returns false to end. Errc::io names the file.
Result<void> follow_log(const std::filesystem::path& file, const FollowOptions& options,
                        const std::function<bool(std::string_view)>& out);

}  // namespace starling
