#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/ledger/command.hpp"
#include "core/ledger/consensus.hpp"
#include "core/ledger/server_history.hpp"

namespace starling {

/// First frame in each direction of a connection: identifies the node. Handled by the transport.
struct Hello {
    NodeId name;
    Role role = Role::sl;
    std::uint64_t session = 0;  ///< of this start: see Node::session()
};
/// Last frame of a connection that is rejected, so that the other side can log the reason.
struct Refused {
    Errc code = Errc::refused;
    std::string reason;
};

// SL -> SN
struct SubmitCommand {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    Command command;
    Signature signature;  ///< see Entry
};
/// A member that a transfer waits for and that has sent no byte for a long time.
struct Stall {
    NodeId node;
    bool merged = false;   ///< it owes merged segments; else its own parameters
    bool refused = false;  ///< no connection can be made: its certificate, or ours, is refused
};
/// A member's progress in receiving what an attempt at a round needs.
struct TransferProgress {
    /// Of whole segments and of one that is arriving; monotonic within an attempt.
    std::uint64_t received_bytes = 0;
    std::uint64_t expected_bytes = 0;  ///< when it is complete
    std::string waits_for;             ///< the member that owes most; may be empty
};
/// What a member has received from another one in an attempt.
struct Sender {
    std::string member;
    std::uint64_t bytes = 0;  ///< of whole segments
};
constexpr std::uint32_t senders_max = 16;

/// See MemberReport; repeated with each heartbeat until the round is over.
struct MergeReport {
    Digest digest;
    Signature signature;
    bool durable = true;
};
/// Renews the SL's lease; carries its newest view, the progress of its transfer and its report.
struct Heartbeat {
    std::string contract;  ///< empty before enrolment
    Run run = 0;
    std::uint64_t known_version = 0;
    /// Of the attempt that the fields below are about, or of the committed one whose model it
    /// fetches.
    Round round = 0;
    Attempt attempt = 0;
    TransferProgress progress;
    std::vector<Stall> stalls;  ///< at most 64
    /// From whom this SL has received most in the attempt, for people to see; at most senders_max.
    std::vector<Sender> senders;
    /// The attempt's merged vector is complete here, and durable as far as the report says so.
    std::optional<MergeReport> report;
    std::uint64_t session = 0;  ///< of the SL's start that says so
};
// SN -> SL
struct CommandResult {
    std::uint64_t sequence = 0;
    Errc code = Errc::ok;
    std::string reason;
    /// Of the contract, for Enrol. In an answer to a heartbeat: see heartbeat_answer().
    Run run = 0;
    /// With Errc::replaced: the node's newest start. Only older starts are addressed.
    std::uint64_t session = 0;
};
/// All is well. `rarer`: the SL may send its heartbeats so many times more rarely than in a small
/// swarm; 0 tells nothing.
inline CommandResult heartbeat_answer(int rarer) {
    return {0, Errc::ok, "", static_cast<Run>(rarer)};
}
struct ViewUpdate {
    ContractView view;
    /// Instead of a long list in the view, its digest: see FetchMembers.
    std::optional<Digest> frozen_list;
    std::optional<Digest> commit_list;  ///< of the members of its commit
};

// SL <-> SL
enum class SegmentKind : std::uint8_t { contribution = 1, merged = 2 };

/// The (contract, run, round, attempt) of a transfer; older ones are refused.
struct RoundKey {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    /// Of a first attempt with the members of the round before, which they may begin before the
    /// ledger has frozen it (core/sl/early_exchange.hpp). Set only in messages between SLs.
    bool early = false;

    /// Early before frozen: a member that has begun early stores requests for the frozen attempt.
    friend std::strong_ordering operator<=>(const RoundKey& a, const RoundKey& b) {
        return a.in_order() <=> b.in_order();
    }
    friend bool operator==(const RoundKey& a, const RoundKey& b) = default;

private:
    std::tuple<const std::string&, Run, Round, Attempt, bool> in_order() const {
        return {contract, run, round, attempt, !early};
    }
};
/// Equal but for the attempt.
inline bool same_round(const RoundKey& a, const RoundKey& b) {
    return a.contract == b.contract && a.run == b.run && a.round == b.round;
}
/// A run of segments: [first, first + count).
struct SegmentRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;

    friend bool operator==(const SegmentRange&, const SegmentRange&) = default;
};
constexpr std::uint32_t ranges_per_fetch_max = 4096;
/// Requests segments, to be sent as soon as they are available. Without ranges: cancels all
/// requests for this key.
struct FetchSegments {
    RoundKey key;
    SegmentKind kind = SegmentKind::contribution;
    std::vector<SegmentRange> ranges;  ///< at most ranges_per_fetch_max
};
/// Body: the segment's bytes.
struct SegmentData {
    RoundKey key;
    SegmentKind kind = SegmentKind::contribution;
    std::uint32_t index = 0;
};

/// Requests a FetchProbeReply. The reply is queued behind all segments on the connection, which is
/// ordered: once it has arrived, a segment that was requested before the probe and is missing was
/// lost, or is owed. So nothing is requested again while it is in flight, however slow the link.
struct FetchProbe {
    RoundKey key;
    std::uint32_t serial = 0;
};
struct FetchProbeReply {
    RoundKey key;
    std::uint32_t serial = 0;
    bool known = false;      ///< the replier takes part in that attempt, or holds its model
    std::uint32_t owed = 0;  ///< requested merged segments that are not merged yet
};

// ML -> SL
struct OpenSession {
    std::string contract;
    ContractConfig config;
    std::string layout_text;
    EndMode end_mode = EndMode::active;
};
/// Begins a check-in; the parameters follow as MlSegment frames.
struct SyncBegin {
    std::uint64_t sequence = 0;  ///< of this ML's syncs, from 0
    CheckIn check_in;
};
/// Body: the segment's bytes. Both directions.
struct MlSegment {
    std::uint64_t sequence = 0;
    std::uint32_t index = 0;
};
struct CloseSession {
    Errc code = Errc::ok;
    std::string reason;
};
// SL -> ML
struct SessionOpened {
    Run run = 0;
    Round round = 0;
    std::uint32_t min_peers = 0;
};
/// The round is committed; its parameters follow as MlSegment frames.
struct SyncDone {
    std::uint64_t sequence = 0;
    Round round = 0;
    std::uint32_t member_count = 0;
    Digest digest;
    bool final = false;
};
/// The session has ended before its training.
struct SessionFailed {
    Errc code = Errc::ok;
    std::string reason;
};

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

// SN -> SL
/// The CAs of the members that a view names, by the ledger's roll.
struct RollNews {
    struct Pin {
        NodeId node;
        CaFingerprint ca;
    };
    std::vector<Pin> pins;  ///< at most 4096
};

constexpr std::uint32_t pins_max = 4096;

// SL -> SN
/// Requests the part of a list of members that begins with this one.
struct FetchMembers {
    Digest list;  ///< see digest_of()
    std::uint32_t first = 0;
};
// SN -> SL
/// A part of a list of members. A total of 0: the SN does not have it (any more).
struct MemberListPart {
    Digest list;
    std::uint32_t total = 0;  ///< members of the list
    std::uint32_t first = 0;  ///< of the members below in it
    MemberList members;
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

/// Any message. A struct rather than an alias: the special members of a variant of so many types
/// are slow to compile, and so they are compiled once, in messages.cpp.
struct Message
    : std::variant<Hello, Refused, SubmitCommand, Heartbeat, CommandResult, ViewUpdate,
                   FetchSegments, SegmentData, OpenSession, SyncBegin, MlSegment, CloseSession,
                   SessionOpened, SyncDone, SessionFailed, SeatRequest, SeatRelease, SeatReply,
                   StatusQuery, SeatRule, StatusReply, ConsensusMessage, RelayedCommand,
                   RelayedNews, MembershipRequest, MembershipReply, FetchProbe, FetchProbeReply,
                   RemoveServer, ReadIndex, RelayedResult, RollNews, FetchMembers, MemberListPart,
                   SnapshotQuery, SnapshotOffer, FetchSnapshot, SnapshotPart, FetchRecords,
                   RecordsPart> {
    using variant::variant;
    Message();
    Message(const Message& other);
    Message(Message&& other) noexcept;
    Message& operator=(const Message& other);
    Message& operator=(Message&& other) noexcept;
    ~Message();
};

/// The unit of transfer: a small message and, for segments, a raw body.
struct Frame {
    Message message;
    Blob body;
};

/// "SubmitCommand", ...: for traces and errors.
std::string_view type_name(const Message& message);

}  // namespace starling
