#pragma once

#include <memory>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/node/node.hpp"

namespace starling {

class SharedRounds;

struct SlNodeOptions {
    NodeId id;
    /// Of the SNs' APIs, at least one; tried in turn when one is gone or does not answer.
    std::vector<Address> sn_addresses;
    Address exchange_address;  ///< where other SLs dial this one
    ShortText site;            ///< of this node: see Member; may be empty
    /// Larger than that of every earlier start of the node: the ledger applies a command once per
    /// (session, sequence).
    std::uint64_t session = 1;
    std::shared_ptr<const NodeSigner> signer;  ///< of this start; not nullptr
    /// By an earlier start of this node, the newest last.
    LazyContainer<std::vector<KeptModel>> kept;
    /// The nodes of a simulation have one in common; nullptr: the node makes one of its own.
    std::shared_ptr<SharedRounds> shared;
    /// Stops after this time without a connection to an SN.
    SwarmDuration sn_connect_limit = std::chrono::seconds(60);
    SwarmDuration heartbeat_interval = std::chrono::seconds(1);
    /// A command that is not answered within this time is sent to the next SN: this one may be
    /// partitioned from the others.
    SwarmDuration sn_answer_limit = std::chrono::seconds(2);
    /// A member that a transfer waits for and that has sent no byte is reported to the SN after
    /// this time. After its first byte the limit follows from its rate: see Exchange.
    SwarmDuration stall_limit = std::chrono::seconds(60);
    /// Catching up is given up, and the node ends, after this time without a byte of the model.
    SwarmDuration catch_up_limit = std::chrono::minutes(5);
    /// If a member missed the final round, this node serves the final model for this time after the
    /// end of the training, and again for this time after each request for it.
    SwarmDuration linger = std::chrono::seconds(10);
    /// Warns after this time without an answer to heartbeats.
    SwarmDuration sn_silence_limit = std::chrono::seconds(5);

    /// Bugs that tests put in, to see that they are found.
    struct PlantedFaults {
        /// Contributions are merged in the order of arrival, not of node ids.
        bool merge_in_arrival_order = false;
        /// An ML node that failed on its disk is not waited for: the member leaves for good.
        bool full_disk_is_goodbye = false;
    };
    PlantedFaults planted;
};

/// Swarm Learning node: takes the parameters of its ML, checks in, exchanges and merges segments
/// with the other members, and hands the committed model back. It ends when its session has ended.
///
/// \param hasher  must outlive the node.
std::unique_ptr<Node> make_sl_node(SlNodeOptions options, const Hasher& hasher);

}  // namespace starling
