#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <optional>
#include <string>

#include "deploy/host/pid_file.hpp"

namespace starling {

/// What is known of a node's latest run on this host: for swarm-ps and swarm-logs, also after its
/// end. A file of `key value` lines, WORKSPACE/run/NAME.state.
struct NodeState {
    PidRecord process;
    std::int64_t started_unix = 0;           ///< seconds since 1970
    std::optional<std::int64_t> ended_unix;  ///< none: it runs, or was killed
    int exit_code = 0;                       ///< of a node that has ended
    std::string ports;                       ///< "172.1.1.1:30304, 172.1.1.1:30303"

    /// "running", "ended 0", or "dead": gone without a word, as after SIGKILL, a power cut, or
    /// where its state file could not be written.
    std::string status() const;
};

// One file is for one start and is only continued, so that a node that ends on a full disk can
// still say so, and whoever has the file open reads it even after --rm has removed it. All:
// Errc::io names the file.

/// At the start: written beside, then renamed. If it can't be, what an earlier start left is gone
/// nevertheless.
Result<void> write_state(const std::filesystem::path& file, const NodeState& state);
Result<void> append_ports(const std::filesystem::path& file, const std::string& ports);
/// \pre  state.ended_unix is set.
Result<void> append_end(const std::filesystem::path& file, const NodeState& state);
/// Nothing if it is missing or no state file. \param in  a whole state file.
std::optional<NodeState> read_state(std::istream& in);
std::optional<NodeState> read_state(const std::filesystem::path& file);
/// All nodes that have a state in a workspace, by name.
std::map<std::string, NodeState> read_states(const std::filesystem::path& run_dir);

/// State of this very process, or of its child `pid`, as it starts now.
NodeState state_of(pid_t pid, Role role);
std::int64_t unix_now();

}  // namespace starling
