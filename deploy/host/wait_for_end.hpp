#pragma once

#include <chrono>
#include <fstream>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "deploy/host/node_state.hpp"
#include "deploy/host/workspace.hpp"
#include "deploy/process/process.hpp"

namespace starling {

/// The result of a wait.
struct WaitEnd {
    std::string text;              ///< for the operator: "sl1 ended with exit code 0 after 35 s"
    std::optional<int> exit_code;  ///< none: it was still running at the deadline
};

/// Waits for the end of the newest start of a node or ML program of this host. Independent of what
/// happens to its files after open().
class EndWatch {
public:
    /// Errc::usage: nothing with that name was started here, or --rm has removed its files.
    static Result<EndWatch> open(const Workspace& workspace, const std::string& name);

    /// Returns at once if it has ended already. One that was killed has exit code 1.
    WaitEnd wait(std::optional<std::chrono::steady_clock::time_point> deadline);

private:
    EndWatch() = default;
    bool reread_state();

    std::string name_;
    std::string log_file_;
    std::ifstream file_;  ///< its state file
    NodeState state_;
    Descriptor process_;  ///< not open: it had ended before open()
};

/// "there are sn1, sl1, ml1": the names that exist, for error messages.
std::string known_names(const Workspace& workspace);

}  // namespace starling
