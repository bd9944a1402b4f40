#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/coding.hpp"
#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Kinds of log records. On disk and on the wire: do not renumber.
enum class RecordKind : std::uint8_t {
    entry = 1,       ///< one entry of the ledger
    barrier = 2,     ///< a new leader's first record, without content (Raft's no-op)
    membership = 3,  ///< the configuration: the SNs that keep the log from here on
};

/// One record of the log. Indices are contiguous from 1.
struct LogRecord {
    std::uint64_t index = 0;
    std::uint64_t term = 0;  ///< of the leader that appended it
    RecordKind kind = RecordKind::entry;
    Bytes data;
};

/// The bytes of a record as they are stored, chained and sent: term, kind, data.
Bytes encode_record(const LogRecord& record);
Result<LogRecord> decode_record(std::uint64_t index, ByteView bytes);
/// The hash chain over all records, the same in memory, on disk and in an audit: SHA-256(link
/// before || index as 8 bytes, little-endian || bytes), the link before record 1 being 32 zero
/// bytes.
Digest chain_link(const Hasher& hasher, const Digest& before, std::uint64_t index, ByteView bytes);
/// The same link, from the record: without a copy of its data.
Digest chain_link(const Hasher& hasher, const Digest& before, const LogRecord& record);

/// A server number that was never used before. \param start  tells this start of the node from all
/// others, such as the time.
std::uint64_t server_number(const Hasher& hasher, const NodeId& node, std::uint64_t start);

/// Raft's persistent state beside the log: term and vote. Server numbers are Raft's IDs: each start
/// of an SN with an empty disk gets a new one, so that a lost disk can't break a vote.
struct Vote {
    std::uint64_t self = 0;       ///< this server's number; 0: none yet
    std::uint64_t term = 0;       ///< the newest that it knows of
    std::uint64_t candidate = 0;  ///< whom it voted for in this term; 0: nobody

    friend bool operator==(const Vote&, const Vote&) = default;
};

struct LedgerSnapshot;

/// Records that a snapshot stands for and that are not on the disk: an SN that joined with the
/// snapshot copies them afterwards, the newest first.
struct MissingRecords {
    std::uint64_t last = 0;  ///< all from the first one to this one; 0: none is missing
    Digest link;             ///< of the last one: see chain_link()
};

/// What is on the disk when the node starts.
struct DurableLog {
    Vote vote;
    std::vector<Bytes> records;  ///< behind the snapshot; without one of the indices 1, 2, ...
    /// What the records before have led to. Nothing: there are none before.
    std::shared_ptr<const LedgerSnapshot> snapshot = nullptr;
    MissingRecords missing = {};  ///< the last one is at most before()

    /// Index of the last record in the snapshot; 0: there is none.
    std::uint64_t before() const;
    /// Index of the last record.
    std::uint64_t last() const { return before() + records.size(); }
};

/// An SN as the others see it.
struct Server {
    NodeId node;
    Address address;  ///< where other SNs dial it
    std::uint64_t number = 0;
    bool voter = false;  ///< false: a learner, until it has caught up

    friend bool operator==(const Server&, const Server&) = default;
};

enum class ConsensusKind : std::uint8_t {  // on the wire: do not renumber
    append = 1,
    append_result = 2,
    request_vote = 3,
    request_vote_result = 4,
    timeout_now = 6,
};

/// Messages between SNs: Raft's (Ongaro 2014, figure 3.1), all in one struct.
struct ConsensusMessage {
    ConsensusKind kind = ConsensusKind::append;
    std::uint8_t version = 0;  ///< of the message, as libraft numbers it
    std::uint64_t sender = 0;
    std::uint64_t receiver = 0;
    std::uint64_t term = 0;
    std::uint64_t log_index = 0;  ///< before the records, of the candidate's log, or of the result
    std::uint64_t log_term = 0;   ///< of that record
    std::uint64_t commit = 0;     ///< append: committed so far
    std::uint64_t rejected = 0;   ///< append_result: the index that does not fit, or 0
    std::uint16_t features = 0;
    std::uint16_t capacity = 0;
    bool disrupt_leader = false;
    bool pre_vote = false;
    bool granted = false;
    /// Append result: the sender lacks records that a snapshot stands for, so it must not vote yet.
    bool lacks_records = false;
    /// Append: at most records_per_message, of indices log_index + 1, ...
    std::vector<Bytes> records;
};

void encode(Writer& writer, const Server& server);
Server decode_server(Reader& reader);
/// At most records_per_message.
void encode_records(Writer& writer, const std::vector<Bytes>& records);
std::vector<Bytes> decode_records(Reader& reader);
void encode(Writer& writer, const ConsensusMessage& message);
/// On malformed input the reader enters the failed state.
ConsensusMessage decode_consensus_message(Reader& reader);

constexpr std::uint32_t servers_max = 64;
constexpr std::size_t server_bytes_min = 20;  ///< of an encoded server
constexpr std::size_t records_per_message = 1024;
constexpr std::size_t record_bytes_max = std::size_t{5} * 1024 * 1024;

// What a call to the consensus led to, in the order in which it must be carried out (rule R1: first
// persist, then send).
struct SaveVote {
    Vote vote;
};
struct AppendRecords {
    std::uint64_t first = 0;  ///< what the log held from here on is replaced
    std::vector<Bytes> records;
};
struct SendConsensus {
    NodeId to;
    ConsensusMessage message;
};
struct Committed {
    LogRecord record;
};
using ConsensusAction = std::variant<SaveVote, AppendRecords, SendConsensus, Committed>;
using ConsensusOutput = std::vector<ConsensusAction>;

/// Port: how the SNs agree on one order of records. The ledger's rules know nothing of it.
class Consensus {
public:
    virtual ~Consensus() = default;

    /// First call. With an empty log, the node waits until it is added to a swarm, or founds one
    /// with `founder` as the only voter.
    virtual void start(SwarmTime now, DurableLog log, std::optional<Server> founder,
                       ConsensusOutput& output) = 0;
    /// A message of the SN `from`, which the transport has authenticated. \return  false: it was
    /// dropped, since it is invalid or `from` is no server.
    virtual bool receive(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                         ConsensusOutput& output) = 0;
    /// Proposes an entry. Errc::refused: this SN does not lead.
    virtual Result<void> propose(SwarmTime now, Bytes entry, ConsensusOutput& output) = 0;
    /// Adds an SN, first as a learner, or removes one; one change at a time. Errc::refused: not
    /// the leader; Errc::stale: another change, or a leadership transfer, is in progress.
    virtual Result<void> add_server(SwarmTime now, const Server& server,
                                    ConsensusOutput& output) = 0;
    virtual Result<void> remove_server(SwarmTime now, const NodeId& node,
                                       ConsensusOutput& output) = 0;
    /// Drops the records up to `index` from memory; from now on they are read from the disk: see
    /// RaftOptions::archive. No effect on those that are not committed, or without an archive.
    virtual void forget(std::uint64_t index) = 0;
    /// Transfers the leadership to another SN, if one is up to date.
    virtual void step_down(SwarmTime now, ConsensusOutput& output) = 0;

    /// Call tick() no later than this.
    virtual std::optional<SwarmTime> deadline() const = 0;
    virtual void tick(SwarmTime now, ConsensusOutput& output) = 0;

    virtual bool leads() const = 0;
    /// On a leader that has committed a record of its own term: its commit index. Once a majority
    /// confirms the term after this call, a read of the ledger up to this index is linearizable
    /// (Ongaro 2014, section 6.4).
    virtual std::optional<std::uint64_t> read_index() const = 0;
    virtual std::optional<NodeId> leader() const = 0;
    virtual std::uint64_t term() const = 0;
    /// The newest membership known, committed or not, ascending by node.
    virtual const std::vector<Server>& servers() const = 0;
};

}  // namespace starling
