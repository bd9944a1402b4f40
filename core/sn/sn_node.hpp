#pragma once

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
    /// A connected SL not heard of for so long is lost: eight heartbeats, so that a busy host is
    /// not taken for a dead one. A process that dies is noticed by its connection, at once.
    SwarmDuration lease = std::chrono::seconds(8);
    /// Without a leader for so long it sends SLs to another SN: what it knows may be old.
    SwarmDuration leader_limit = std::chrono::seconds(3);
    SwarmDuration reconnect_limit = std::chrono::seconds(2);  ///< after its connection was cut
    SwarmDuration check_interval =
        std::chrono::milliseconds(500);            ///< how often leases are looked at
    DurableLog log;                                ///< what the store held at start
    std::shared_ptr<const NodeSigner> signer;      ///< of this start; not nullptr
    std::shared_ptr<const NodeVerifier> verifier;  ///< not nullptr
    /// An SN signs the head of its ledger after so many entries, and at the end of a contract.
    std::uint64_t checkpoint_interval = 128;

    Address peer_address;  ///< where other SNs dial this one
    /// An SN that is one of those that agree: with an empty disk this one asks it to be taken in.
    /// None: with an empty disk this one begins the ledger.
    std::optional<Address> sentinel;
    /// Does not serve: asks the others to go on without it for good, and ends. Its name and disk
    /// may then begin anew.
    bool leave = false;
    /// Tools that may change the roll and take an SN out of those that keep the ledger, with a
    /// certificate by the CA of this SN's own.
    std::set<NodeId> admins;
    std::set<NodeId> operators;  ///< the same, of tools that may only take out
    // Of the SN that begins the ledger, for the whole swarm: see SwarmRules.
    Admission admission = Admission::first_contact;
    std::vector<AdmittedName> roll;
    std::vector<NodeId> voters;
    bool owners_decide = false;
    std::uint64_t session = 0;  ///< see Node::session()
    std::uint64_t number = 1;   ///< see RaftOptions
    std::uint64_t seed = 1;     ///< of the election timeouts
    /// See RaftOptions; the leader is heard five times in it. Above twice the round trip between
    /// any two SNs: a leader that hears no answer for so long steps down.
    SwarmDuration election_timeout = std::chrono::milliseconds(500);
    bool split_at_membership = true;  ///< see RaftOptions
    // Off only in tests that show what each is for.
    bool check_attempt = true;    ///< what members report of an attempt that is over is dropped
    bool exclude_stalled = true;  ///< a round goes on without members between which nothing moves
    bool turn_away_replaced = true;  ///< an older start of an SL is told, and keeps nothing alive
    bool turn_away_removed = true;   ///< an SN that was removed is told when it comes back
    /// What the disk held is told in the trace like what comes new, so that a checker misses no
    /// entry that was applied by nobody before all SNs were started again.
    bool trace_recovered = false;
};

/// Swarm Network node: keeps the ledger behind the consensus port, answers commands, tells members
/// what changed, and notices who is gone.
std::unique_ptr<Node> make_sn_node(SnNodeOptions options, const Hasher& hasher);

}  // namespace starling
