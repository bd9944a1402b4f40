#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <optional>
#include <string>

#include "deploy/host/pid_file.hpp"

namespace starling {

/// A node's latest run on this host, for swarm-ps and swarm-logs, also after its end. A file of
/// `key value` lines, WORKSPACE/run/NAME.state.
struct NodeState {
    PidRecord process;
    std::int64_t started_unix = 0;           ///< seconds since 1970
    std::optional<std::int64_t> ended_unix;  ///< none: it is running, or was killed
    int exit_code = 0;                       ///< valid if it has ended
    std::string ports;                       ///< "172.1.1.1:30304, 172.1.1.1:30303"

    /// "running", "ended 0", or "dead": it ended without recording an exit code, as after SIGKILL,
    /// a power cut, or if its state file could not be written.
    std::string status() const;
};

// Each start has a new file, which is only appended to: see node_state.cpp. All functions: Errc::io
// names the file.

/// At the start; atomic. On failure the file of an earlier start is removed nevertheless.
Result<void> write_state(const std::filesystem::path& file, const NodeState& state);
Result<void> append_ports(const std::filesystem::path& file, const std::string& ports);
/// \pre  state.ended_unix is set.
Result<void> append_end(const std::filesystem::path& file, const NodeState& state);
/// Nothing if it is missing or no state file.
/// \param in  a state file, at its beginning.
std::optional<NodeState> read_state(std::istream& in);
std::optional<NodeState> read_state(const std::filesystem::path& file);
/// All nodes with a state file in a workspace, by name.
std::map<std::string, NodeState> read_states(const std::filesystem::path& run_dir);

/// State of a node that starts now, in this process or its child `pid`.
NodeState state_of(pid_t pid, Role role);
std::int64_t unix_now();

}  // namespace starling
