#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/ledger/server_history.hpp"
#include "core/wire/sn_messages.hpp"

namespace starling {

// SN <-> SN, beside ConsensusMessage
/// To the leader: a command of a node that is connected to this SN.
struct RelayedCommand {
    NodeId from;
    SubmitCommand submit;
};
/// To the leader: an SL that is connected to this SN has sent a heartbeat, or its connection broke.
struct RelayedNews {
    NodeId node;
    bool connected = true;
    Heartbeat beat;
};
/// An SN asks to join those that keep the ledger, or to leave them. Only the leader grants it; the
/// others name it.
struct MembershipRequest {
    Server server;
    bool leave = false;
};
/// The current SNs, and the outcome of the request.
struct MembershipReply {
    Errc code = Errc::ok;
    std::string reason;
    std::vector<Server> servers;   ///< at most 64
    std::optional<NodeId> leader;  ///< as the sender knows; only the leader admits and refuses
    std::optional<RebuildProof> rebuilt;
};

// SN <-> SN
/// Linearizable reads without a ledger entry (Ongaro 2014, section 6.4): an SN asks the leader up
/// to which index a read must see the ledger, and the leader has a majority confirm that it still
/// leads.
struct ReadIndex {
    enum class Step : std::uint8_t {
        ask = 1,      ///< to the leader; serial: the newest read pending at the sender
        check = 2,    ///< leader to voters: confirm its term; serial: the leader's
        confirm = 3,  ///< voter to leader; the same serial
        answer = 4,   ///< reads up to `serial` must see the ledger up to `index`
    };
    Step step = Step::ask;
    std::uint64_t serial = 0;
    std::uint64_t term = 0;
    std::uint64_t index = 0;
};
/// The leader's answer to a RelayedCommand that it refuses without an entry.
struct RelayedResult {
    NodeId node;  ///< whose command it was
    std::uint64_t session = 0;
    CommandResult result;
};

// SN <-> SN: an SN with an empty disk takes the state of the ledger, and copies its records later.
/// Which snapshots does the receiver have? Answered by a SnapshotOffer.
struct SnapshotQuery {};
/// A snapshot of the ledger, as all SNs make it behind the same record.
struct OfferedSnapshot {
    std::uint64_t index = 0;  ///< of the last record that it stands for
    std::uint64_t bytes = 0;
    Digest digest;  ///< SHA-256 over its bytes

    friend auto operator<=>(const OfferedSnapshot&, const OfferedSnapshot&) = default;
};
constexpr std::uint32_t offered_snapshots_max = 2;
/// Of a part of a snapshot, but for the last one; about as much as a part of the records.
constexpr std::uint64_t state_part_bytes = std::uint64_t{256} * 1024;
struct SnapshotOffer {
    std::vector<Server> servers;             ///< of the sender's newest membership, at most 64
    std::vector<OfferedSnapshot> snapshots;  ///< at most 2; none: it has made none
};
/// Asks for the part of a snapshot that begins at this byte.
struct FetchSnapshot {
    std::uint64_t index = 0;
    std::uint64_t offset = 0;
};
/// Body: bytes of the snapshot from `offset` on. Empty: the sender does not have it (any more).
struct SnapshotPart {
    std::uint64_t index = 0;
    std::uint64_t offset = 0;
};
/// Asks for records up to this one.
struct FetchRecords {
    std::uint64_t last = 0;
};
/// Records up to the requested one. None: the sender lacks them, or was asked too often.
struct RecordsPart {
    std::uint64_t last = 0;  ///< as requested
    Digest link_before;      ///< of the record before the first one
    std::vector<Bytes> records;
};

}  // namespace starling
