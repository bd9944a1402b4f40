#pragma once

#include <cstdint>
#include <string>

#include "core/ledger/command.hpp"

namespace starling {

// Node -> licence server
/// Requests a seat for the connection's peer, and later renews its lease.
struct SeatRequest {
    bool renew = false;  ///< it holds a seat, also from before a restart of this server
};
/// Returns the seat.
struct SeatRelease {};
// Licence server -> node; also without a request, when a seat is taken back
struct SeatReply {
    Errc code = Errc::ok;
    std::string reason;         ///< of a refusal
    std::int64_t lease_ns = 0;  ///< the seat is leased for this time from now
};

// Tool -> SN or licence server
/// Queries a part of the node's state.
struct StatusQuery {
    std::uint32_t id = 0;  ///< of the tool's, returned in the answer
    std::string topic;     ///< "nodes", "contracts", "contract", "round", "seats", ...
    std::string name;      ///< of a contract, where the topic needs one
    bool follow = false;   ///< reply again after each change
};
/// Tool -> licence server: revokes the seat of a name and refuses new ones, or allows it again.
/// Answered by a StatusReply.
struct SeatRule {
    std::uint32_t id = 0;
    NodeId node;
    bool allow = false;
};
// SN or licence server -> tool
/// Body: the answer as JSON, UTF-8.
struct StatusReply {
    std::uint32_t id = 0;
    Errc code = Errc::ok;
    std::string reason;
};

// Tool -> SN, and SN -> the SN that leads
/// An administrator removes an SN from those that keep the ledger. Answered by a StatusReply.
struct RemoveServer {
    std::uint32_t id = 0;
    NodeId node;
    NodeId by;  ///< the tool
    /// Number of the server to remove, so that a late copy of this message does not remove one that
    /// has joined under the same name since. 0: no SN of that name kept the ledger.
    std::uint64_t number = 0;
    Credentials credentials;  ///< of the tool
    Signature signature;      ///< of removal_text(), so that no SN can forge a removal
};

}  // namespace starling
