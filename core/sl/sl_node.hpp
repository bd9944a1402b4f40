#pragma once

#include <memory>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

struct SlNodeOptions {
    NodeId id;
    std::vector<Address> sn_addresses;  ///< APIs of SNs, at least one; the next is dialled where
                                        ///< one is gone or does not answer
    Address exchange_address;           ///< where other SLs dial this one
    std::uint64_t session = 1;  ///< larger than that of every earlier start of the node: the ledger
                                ///< applies a command once per (session, sequence)
    std::shared_ptr<const NodeSigner> signer;  ///< of this start; not nullptr
    std::vector<KeptModel> kept;               ///< by an earlier life of this node, the newest last
    SwarmDuration sn_connect_limit =
        std::chrono::seconds(60);  ///< without its SN for so long: stop
    SwarmDuration heartbeat_interval = std::chrono::seconds(1);
    /// A command that is not answered for so long goes to the next SN: this one may be cut off from
    /// the others.
    SwarmDuration sn_answer_limit = std::chrono::seconds(2);
    /// A member that a transfer waits for, and of which not one byte has come, is told of to the SN
    /// after so long. Once bytes have come, the limit follows from their rate: see Exchange.
    SwarmDuration stall_limit = std::chrono::seconds(60);
    /// A model that nobody serves any more: end after so long without a byte of it.
    SwarmDuration catch_up_limit = std::chrono::minutes(5);
    /// After the end of a training from whose final round a member was missing: for so long it can
    /// be fetched here, and as long again after each sign of one that is fetching it.
    SwarmDuration linger = std::chrono::seconds(10);
    // Off only in tests that show what each is for.
    bool merge_in_order = true;  ///< not in the order in which contributions came
    bool waits_for_disk = true;  ///< an ML node that a disk ended is waited for, not left out
    SwarmDuration sn_silence_limit =
        std::chrono::seconds(5);  ///< no answer of the SN to heartbeats
};

/// Swarm Learning node: takes the parameters of its ML, checks in, exchanges and merges segments
/// with the other members, and hands the committed model back. It ends when its session has ended.
std::unique_ptr<Node> make_sl_node(SlNodeOptions options);

}  // namespace starling
