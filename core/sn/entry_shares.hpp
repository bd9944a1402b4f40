#pragma once

#include "core/base/by_node.hpp"
#include "core/ledger/command.hpp"

namespace starling {

/// How much each signer may have written to the ledger, which all SNs store for ever: a token
/// bucket for each, kept by the SN that leads. A committed round gives back what it cost.
class EntryShares {
public:
    /// Takes the command's bytes from the signer's bucket. False: not now; the node resends the
    /// command with its next heartbeat.
    bool take(const NodeId& signer, const Command& command, SwarmTime now);
    /// Gives the members' check-ins back.
    void give_back(const Commit& commit);

private:
    /// Bytes written, less what has been refilled until `at`.
    struct Share {
        NodeId signer;
        double bytes = 0;
        SwarmTime at{};
        double check_in = 0;  ///< what the newest check-in has cost
        static const NodeId& id_of(const Share& share) { return share.signer; }
    };
    ByNode<Share, Share::id_of> shares_;  ///< a signer without one has written nothing
};

}  // namespace starling
