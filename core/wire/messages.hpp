#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/ledger/command.hpp"
#include "core/ledger/consensus.hpp"

namespace starling {

/// First frame in each direction of a connection: who is there. Handled by the transport.
struct Hello {
    NodeId name;
    Role role = Role::sl;
    std::uint64_t session = 0;  ///< of this start: see Node::session()
};
/// Last frame of a connection that is not accepted, so that the other side can say why.
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
/// A member that a transfer waits for, and of which not one byte has come for a long time.
struct Stall {
    NodeId node;
    bool merged = false;   ///< it owes merged segments; else its own parameters
    bool refused = false;  ///< no connection can be made: its certificate, or ours, is refused
};
/// How far a member has come in receiving what an attempt at a round needs.
struct TransferProgress {
    std::uint64_t received_bytes = 0;  ///< segments, and the part of one that is arriving; never
                                       ///< falls within an attempt
    std::uint64_t expected_bytes = 0;  ///< when it is complete
    std::string waits_for;             ///< the member that most is still to come of; may be empty
};
/// See MemberReport; said again with each heartbeat until the round is over.
struct MergeReport {
    Digest digest;
    Signature signature;
};
/// "I am alive, this is the newest view that I hold, and so far has my transfer come."
struct Heartbeat {
    std::string contract;  ///< empty before enrolment
    Run run = 0;
    std::uint64_t known_version = 0;
    Round round = 0;  ///< of the attempt that the fields below are about
    Attempt attempt = 0;
    TransferProgress progress;
    std::vector<Stall> stalls;  ///< at most 64
    /// The attempt's merged vector is complete and durable here.
    std::optional<MergeReport> report;
    std::uint64_t session = 0;  ///< of the SL's start that says so
};
// SN -> SL
struct CommandResult {
    std::uint64_t sequence = 0;
    Errc code = Errc::ok;
    std::string reason;
    Run run = 0;  ///< of the contract, for Enrol
    /// For Errc::replaced: the node's newest start. One that is not older was not meant.
    std::uint64_t session = 0;
};
struct ViewUpdate {
    ContractView view;
};

// SL <-> SL
enum class SegmentKind : std::uint8_t { contribution = 1, merged = 2 };

/// Which (contract, run, round, attempt) a transfer belongs to: anything older is refused.
struct RoundKey {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;

    friend auto operator<=>(const RoundKey&, const RoundKey&) = default;
};
/// Whatever the attempt.
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
/// "Send me these as soon as you have them." Without ranges: "I need nothing more of this key."
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

/// Asks for a FetchProbeReply. The reply leaves after every segment that its sender had queued for
/// this connection, which keeps its order: once it is here, what was asked for before the probe and
/// has not come was lost, or is owed. So nothing is asked for again while it is on its way, however
/// slow the link.
struct FetchProbe {
    RoundKey key;
    std::uint32_t serial = 0;
};
struct FetchProbeReply {
    RoundKey key;
    std::uint32_t serial = 0;
    bool known = false;      ///< it takes part in that attempt, or holds its merged model
    std::uint32_t owed = 0;  ///< merged segments that it was asked for and will send once it can
};

// ML -> SL
struct OpenSession {
    std::string contract;
    ContractConfig config;
    std::string layout_text;
    EndMode end_mode = EndMode::active;
};
/// Begin of a check-in; the parameters follow as MlSegment frames.
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
/// The session is over before its training is.
struct SessionFailed {
    Errc code = Errc::ok;
    std::string reason;
};

// Node -> licence server
/// "Give me a seat", and from then on "let me keep it". Who asks is the connection's peer.
struct SeatRequest {
    bool renew = false;  ///< it holds a seat: of this server, or, after a restart, of its last life
};
/// The seat is free again.
struct SeatRelease {};
// Licence server -> node; also without a request, when a seat is taken back
struct SeatReply {
    Errc code = Errc::ok;
    std::string reason;         ///< of a refusal
    std::int64_t lease_ns = 0;  ///< the seat is held for so long from now
};

// Tool -> SN or licence server
/// Asks for a part of the node's state. Changes nothing.
struct StatusQuery {
    std::uint32_t id = 0;  ///< of the tool's, returned in the answer
    std::string topic;     ///< "nodes", "contracts", "contract", "round", "seats", ...
    std::string name;      ///< of a contract, where the topic needs one
    bool follow = false;   ///< answer again whenever it has changed
};
/// Tool -> licence server: takes the seat of a name back and refuses it from now on, or lets it in
/// again. Answered by a StatusReply.
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
/// To the SN that leads: a command of a node that is connected to this SN.
struct RelayedCommand {
    NodeId from;
    SubmitCommand submit;
};
/// To the SN that leads: an SL is connected to this SN and was heard of just now, or its connection
/// was cut.
struct RelayedNews {
    NodeId node;
    bool connected = true;
    Heartbeat beat;  ///< what it said
};
/// An SN wants to be one of those that agree, or not to be one any more. An SN that does not lead
/// hands it on.
struct MembershipRequest {
    Server server;
    bool leave = false;
};
/// What shows that an SN continued the ledger alone, from its own copy: see RemoveServers.
struct RebuildProof {
    Credentials credentials;  ///< of the SN that signed the entry
    Bytes entry;              ///< its RemoveServers, as the ledger holds it; at most 32 KiB
};
/// Who the SNs are by now, and what came of the request.
struct MembershipReply {
    Errc code = Errc::ok;
    std::string reason;
    std::vector<Server> servers;   ///< at most 64
    std::optional<NodeId> leader;  ///< as the sender knows; only that one takes in and refuses
    std::optional<RebuildProof> rebuilt;
};

// Tool -> SN, and SN -> the SN that leads
/// A person decides that an SN does not keep the ledger any more. Answered by a StatusReply.
struct RemoveServer {
    std::uint32_t id = 0;
    NodeId node;
    NodeId by;  ///< the tool
    /// The server that it is about, as the tool was told: not one that joins under the name later,
    /// while copies of this message are on their way. 0: no SN of that name kept the ledger.
    std::uint64_t number = 0;
    Credentials credentials;  ///< of the tool
    Signature signature;      ///< of removal_text(), so that no SN can make up a removal
};

// SN <-> SN
/// How a read finds out how much of the ledger it must see, without an entry: an SN that was asked
/// for one asks the SN that leads, which has a majority confirm that it still does.
struct ReadIndex {
    enum class Step : std::uint8_t {
        ask = 1,      ///< to the leader; serial: the newest read that waits at the sender
        check = 2,    ///< leader to voters: is this your term too? serial: the leader's
        confirm = 3,  ///< it is; the same serial
        answer = 4,   ///< reads up to `serial` must see the ledger up to `index`
    };
    Step step = Step::ask;
    std::uint64_t serial = 0;
    std::uint64_t term = 0;
    std::uint64_t index = 0;
};
/// What the SN that leads answers to a RelayedCommand that does not become an entry.
struct RelayedResult {
    NodeId node;  ///< whose command it was
    std::uint64_t session = 0;
    CommandResult result;
};

// SN -> SL
/// Whose certificates members must show: what the ledger's roll says of those that a view names.
struct RollNews {
    struct Pin {
        NodeId node;
        CaFingerprint ca;
    };
    std::vector<Pin> pins;  ///< at most 4096
};

constexpr std::uint32_t pins_max = 4096;

/// Any of them. Not an alias: a special member of a variant of so many types takes a compiler as
/// long as a whole file of ours, and in the .cpp file it is compiled once for all.
struct Message
    : std::variant<Hello, Refused, SubmitCommand, Heartbeat, CommandResult, ViewUpdate,
                   FetchSegments, SegmentData, OpenSession, SyncBegin, MlSegment, CloseSession,
                   SessionOpened, SyncDone, SessionFailed, SeatRequest, SeatRelease, SeatReply,
                   StatusQuery, SeatRule, StatusReply, ConsensusMessage, RelayedCommand,
                   RelayedNews, MembershipRequest, MembershipReply, FetchProbe, FetchProbeReply,
                   RemoveServer, ReadIndex, RelayedResult, RollNews> {
    using variant::variant;
    Message();
    Message(const Message& other);
    Message(Message&& other) noexcept;
    Message& operator=(const Message& other);
    Message& operator=(Message&& other) noexcept;
    ~Message();
};

/// What one node sends another: a small message and, for segments, a raw body.
struct Frame {
    Message message;
    Blob body;
};

/// "SubmitCommand", ...: for traces and errors.
std::string_view type_name(const Message& message);

}  // namespace starling
