#pragma once

#include <functional>
#include <memory>

#include "core/ledger/consensus.hpp"

namespace starling {

struct RaftOptions {
    NodeId self;
    /// This server's number if its disk has none; not 0, and never used before.
    std::uint64_t number = 1;
    std::uint64_t seed = 1;  ///< of the election timeouts
    /// A follower starts an election after a random 1 to 2 times this without a heartbeat; the
    /// first one after its start after half of that.
    SwarmDuration election_timeout = std::chrono::milliseconds(500);
    SwarmDuration heartbeat = std::chrono::milliseconds(100);
    /// Whether a learner that has caught up may vote; nothing: each may.
    std::function<bool(const NodeId&)> may_vote;

    /// Reads a record, as it was persisted, that is durable on this SN's disk: for servers that
    /// lack what is no longer in memory. Nothing: all records stay in memory.
    std::function<Result<Bytes>(std::uint64_t index)> archive;
    /// Whether this SN lacks records that a snapshot stands for; nothing: it never does.
    std::function<bool()> lacks_records;

    /// Bugs that tests put in, to see that they are found.
    struct PlantedFaults {
        /// libraft is handed membership records behind others, of which 0.22.1 takes a wrong index.
        /// Rule R3: a membership record is the first of those handed to it together.
        bool membership_behind_records = false;
    };
    PlantedFaults planted;
};

/// Raft by libraft >= 0.22.1, driven through its pure function raft_step(): no thread, no clock, no
/// file, no socket. The log is kept whole, on the disk: it is the record that auditors read, and
/// what a server that joins is sent.
std::unique_ptr<Consensus> make_raft_consensus(RaftOptions options);

}  // namespace starling
