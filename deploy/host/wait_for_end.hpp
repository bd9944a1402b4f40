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

/// How a wait came out.
struct WaitEnd {
    std::string text;              ///< for a person: "sl1 ended with exit code 0 after 35 s"
    std::optional<int> exit_code;  ///< none: the time was over, and it runs on
};

/// The newest start of a node or ML program of this host, until its end and whatever becomes of its
/// files.
class EndWatch {
public:
    /// Errc::usage: nothing of that name was started here, or --rm has removed its files.
    static Result<EndWatch> open(const Workspace& workspace, const std::string& name);

    /// One that has ended already is told of at once. One that was killed has exit code 1.
    WaitEnd wait(std::optional<std::chrono::steady_clock::time_point> deadline);

private:
    EndWatch() = default;
    bool read_again();

    std::string name_;
    std::string log_file_;
    std::ifstream file_;  ///< its state
    NodeState state_;
    Descriptor process_;  ///< not open: it has ended
};

/// "there are sn1, sl1, ml1": what could have been meant.
std::string known_names(const Workspace& workspace);

}  // namespace starling
