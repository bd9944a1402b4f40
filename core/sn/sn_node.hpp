#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/ledger/ledger.hpp"
#include "core/node/node.hpp"

namespace starling {

struct SnNodeOptions {
    NodeId id;
    Address api_address;  ///< for the ready line only
    /// How much is told at once, which a frame or a record must have room for; less in tests.
    struct Parts {
        /// Members' reports in an entry of the ledger: with the longest names 2.7 MB.
        std::size_t reports_per_entry = 16'384;
        std::size_t members_in_view = 512;  ///< longer lists are fetched: see SentLists
        /// Of a part of a list, with each member counted as if it were the first; encoded together
        /// they take about half.
        std::size_t list_part_bytes = list_text_bytes_max;
    };
    /// How long an SN waits for its SLs and for a leader, and what it says at once.
    struct Limits {
        /// A connected SL that is silent for this time is lost, or for up to two minutes if its
        /// heartbeats come late (Leases::of). Eight heartbeats, so that a busy host is not
        /// mistaken for a dead one. A process that dies is noticed at once, by its connection.
        SwarmDuration lease = std::chrono::seconds(8);
        /// After this time without a leader the SN sends its SLs to another SN: its ledger may be
        /// stale.
        SwarmDuration leader = std::chrono::seconds(3);
        SwarmDuration reconnect = std::chrono::seconds(2);  ///< an SL whose connection broke
        /// Between two checks of leases.
        SwarmDuration check_interval = std::chrono::milliseconds(500);
        Parts parts;
    };
    Limits limits;
    DurableLog log;                                ///< what the store held at start
    std::shared_ptr<const NodeSigner> signer;      ///< of this start; not nullptr
    std::shared_ptr<const NodeVerifier> verifier;  ///< not nullptr
    /// Entries between two signed checkpoints of the ledger's head; one more ends each contract.
    std::uint64_t checkpoint_interval = 128;

    Address peer_address;  ///< where other SNs dial this one
    /// An SN of the swarm to join through if this one's disk is empty. Nothing: with an empty disk
    /// this SN founds the ledger.
    std::optional<Address> sentinel;
    /// Leaves the swarm for good instead of serving: asks the others to remove it, then ends. Its
    /// name may join again with an empty disk.
    bool leave = false;
    /// Tools that may change the roll and remove SNs, with a certificate by this SN's CA.
    std::set<NodeId> admins;
    std::set<NodeId> operators;  ///< tools that may only expel nodes and remove SNs
    /// What the founder lays down for the whole swarm: see SwarmRules.
    struct FounderRules {
        Admission admission = Admission::first_contact;
        std::vector<AdmittedName> roll;
        std::vector<NodeId> voters;
        bool owners_decide = false;
    };
    FounderRules founder_rules;
    std::uint64_t session = 0;  ///< see Node::session()
    std::uint64_t number = 1;   ///< see RaftOptions
    std::uint64_t seed = 1;     ///< of the election timeouts
    /// How much of the log is in memory, and how much a start has to apply.
    struct LogMemory {
        /// Records between two snapshots; 0: none is made.
        std::uint64_t snapshot_interval = 0;
        /// See RaftOptions; nothing: all records stay in memory.
        std::function<Result<Bytes>(std::uint64_t index)> archive;
        /// Link of a record that is durable on this SN's disk: see chain_link(). Nothing: this SN
        /// neither takes nor gives the state of the ledger when one joins.
        std::function<Result<Digest>(std::uint64_t index)> link;
        /// Applied records that stay in memory. At least those that one write to the store may hold
        /// (32 inputs with records_per_message each, see NodeRunner::handle_together), since they
        /// can't be read from the disk before.
        std::uint64_t records_kept = 65'536;
    };
    LogMemory memory;
    /// See RaftOptions; five heartbeats fit into it. Must exceed twice the round trip between any
    /// two SNs: a leader that gets no answer for this time steps down.
    SwarmDuration election_timeout = std::chrono::milliseconds(500);
    /// Traces recovered entries like new ones, so that a checker sees entries that no SN had
    /// applied before all of them were restarted.
    bool trace_recovered = false;

    /// Bugs that tests put in, to see that they are found.
    struct PlantedFaults {
        bool membership_behind_records = false;  ///< see RaftOptions::PlantedFaults
        bool count_old_attempts = false;         ///< reports about an attempt that is over count
        bool keep_stalled_members = false;   ///< a round waits for members that exchange nothing
        bool serve_replaced_starts = false;  ///< an older start of an SL goes on, with a lease
        bool serve_removed_servers = false;  ///< a removed SN that comes back is not told so
    };
    PlantedFaults planted;
};

/// Swarm Network node: keeps the ledger behind the consensus port, answers commands, tells members
/// what changed, and notices who is gone.
std::unique_ptr<Node> make_sn_node(SnNodeOptions options, const Hasher& hasher);

}  // namespace starling
