#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// A failure, a recovery, or a change of conditions, at a simulated time.
struct Fault {
    enum class Kind {
        kill,       ///< a host with all its nodes, or one node: its process
        restart,    ///< a host with all nodes that ran on it, or one node
        power,      ///< a host goes off, and loses writes that were not yet durable
        cut,        ///< a link goes down, or one direction of it: "wan_UP"
        heal,       ///< a link comes back
        bandwidth,  ///< of a link: `value` in bytes a second
        latency,    ///< of a link: `value` in seconds
        loss,       ///< a share `value` of a link's packets
        disk,       ///< of a host writes `value` bytes a second
    };
    SwarmTime at{};
    Kind kind = Kind::kill;
    std::string target;
    double value = 0.0;
    std::optional<SwarmDuration> lasting;  ///< then it is as before; none: for good
    std::string text;                      ///< as given, for messages

    bool is_of_nodes() const { return kind == Kind::kill || kind == Kind::restart; }
    bool changes_conditions() const {
        return kind == Kind::bandwidth || kind == Kind::latency || kind == Kind::loss;
    }
    bool is_of_link() const {
        return kind == Kind::cut || kind == Kind::heal || changes_conditions();
    }
};

/// "t=30s kill host-2", "t=1500ms cut for 10s wan", "t=2m bandwidth 1Mbps for 60s uplink-3",
/// "t=1s loss 2% wan", "t=5s disk 1MBps host-1". The target's name is all text behind the action,
/// its value and its duration, including spaces and apostrophes: "t=2s kill Peter's laptop".
/// Errc::usage quotes the text.
Result<Fault> parse_fault(const std::string& text);

}  // namespace starling
