#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// A failure, or a recovery, at a simulated time.
struct Fault {
    enum class Kind {
        kill,     ///< a host with all its nodes, or one node: its process
        restart,  ///< a host with all nodes that ran on it, or one node
        cut,      ///< a link goes down
        heal,     ///< a link comes back
    };
    SwarmTime at{};
    Kind kind = Kind::kill;
    std::string target;
    std::string text;  ///< as given, for messages
};

/// "t=30s kill host-2", "t=1500ms cut wan", "t=2m restart sl2". The target's name is all text
/// behind the action, including spaces and apostrophes: "t=2s kill Peter's laptop". Errc::usage
/// quotes the text.
Result<Fault> parse_fault(const std::string& text);

}  // namespace starling
