#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "deploy/pid_file.hpp"

namespace starling {

/// What is known of a node's latest run on this host: for swarm-ps and swarm-logs, also after its
/// end. A file of `key value` lines, WORKSPACE/run/NAME.state.
struct NodeState {
    PidRecord process;
    std::int64_t started_unix = 0;           ///< seconds since 1970
    std::optional<std::int64_t> ended_unix;  ///< none: it runs, or was killed
    int exit_code = 0;                       ///< of a node that has ended
    std::string ports;                       ///< "172.1.1.1:30304, 172.1.1.1:30303"

    /// "running", "ended 0", or "dead": gone without a word, as after SIGKILL or a power cut.
    std::string status() const;
};

/// Written beside, then renamed. Errc::io names the file.
Result<void> write_state(const std::filesystem::path& file, const NodeState& state);
/// Nothing if it is missing or no state file.
std::optional<NodeState> read_state(const std::filesystem::path& file);
/// All nodes that have a state in a workspace, by name.
std::map<std::string, NodeState> read_states(const std::filesystem::path& run_dir);

/// State of this very process, or of its child `pid`, as it starts now.
NodeState state_of(pid_t pid, Role role);
std::int64_t unix_now();

}  // namespace starling
