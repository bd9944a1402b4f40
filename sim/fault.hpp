#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Something that breaks, or comes back, at a simulated time.
struct Fault {
    enum class Kind {
        kill,     ///< a host with all on it, or one node: its process dies
        restart,  ///< a host, with all nodes that ran on it, or one node: they start anew
        cut,      ///< a link goes down
        heal,     ///< a link comes back
    };
    SwarmTime at{};
    Kind kind = Kind::kill;
    std::string target;
    std::string text;  ///< as it was given, for messages
};

/// "t=30s kill host-2", "t=1500ms cut wan", "t=2m restart sl2". All behind the action is the
/// target's name, spaces and apostrophes too: "t=2s kill Peter's laptop". Errc::usage quotes the
/// text.
Result<Fault> parse_fault(const std::string& text);

}  // namespace starling
