#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/coding.hpp"
#include "core/ledger/contract.hpp"
#include "core/ledger/signature.hpp"

namespace starling {

/// Of an encoded contract.
constexpr std::uint32_t members_max = 100'000;
/// Names, hosts and sites of all members of a list in a message together, before common beginnings
/// are left out. Longer lists travel in parts.
constexpr std::size_t list_text_bytes_max = std::size_t{4} * 1024 * 1024;
/// Of a list on a disk: as many members as there may be, with the longest texts.
constexpr std::size_t kept_list_text_bytes_max = std::size_t{members_max} * (64 + 255 + 64);

/// A node announces its address and the key that it signs with from now on.
struct RegisterNode {
    Role role = Role::sl;
    Address address;
    Credentials credentials;
};
/// An SL joins a contract, or starts it. Refused, with the difference named, if config or layout
/// differ from the contract's.
struct Enrol {
    std::string contract;
    ContractConfig config;
    std::string layout_text;
    /// Rejoins this run instead of beginning a new one; if the run was completed meanwhile, the
    /// member still gets the final model. Errc::stale: another run has begun.
    std::optional<Run> back_to;
    std::string site;  ///< see Member
};
/// What a member has merged a round to before it was frozen: with the members of the round before.
struct EarlyMerge {
    Digest digest;
    Digest base;          ///< of the commit before, so that it counts in no other history
    bool durable = true;  ///< see MemberReport

    friend bool operator==(const EarlyMerge&, const EarlyMerge&) = default;
};
struct CheckInRound {
    std::string contract;
    Run run = 0;
    Round round = 0;
    CheckIn check_in;
    /// A report as well, if the round is frozen with the members of the round before: see
    /// ledger_early.cpp.
    std::optional<EarlyMerge> merged;
};
/// The leader has the reports of all members of the attempt: one entry for all of them or, in a
/// large swarm, for those that no RecordReports has.
struct CommitRound {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    std::vector<MemberReport> reports;  ///< ascending by node
};
/// A member leaves for good. If that takes the run below min_peers before it is complete, the run
/// is aborted with `reason`.
struct LeaveContract {
    std::string contract;
    Run run = 0;
    std::string reason;
};
/// The leader reports that a deadline of the contract has expired. Refused if another one is set.
struct ExpireDeadline {
    std::string contract;
    Run run = 0;
    std::int64_t deadline_ns = 0;
};
/// The leader excludes a member from the attempt, because it exchanges nothing with most others:
/// the round continues without it, and it stays a member of the contract.
struct ExcludeMember {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    NodeId node;
    bool refused = false;  ///< there is no connection, for a certificate
    std::string reason;
};
/// The leader reports that a member and some others exchange nothing, and it is not known whose
/// fault that is: they are kept apart for the rest of the run, that is, neither side merges
/// segments, and the others merge theirs.
struct KeepApart {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    NodeId node;
    std::vector<NodeId> others;
};
/// A member whose merge differs from most others' names the owner of the segments that differ.
struct NameFalseMerge {
    std::string contract;
    Run run = 0;
    Round round = 0;
    NodeId owner;
};
/// The leader reports that a node's lease has expired.
struct LoseNode {
    NodeId node;
    std::string reason;
};

/// A member of a round reports that a contribution or merged segment from another one holds NaN or
/// infinity.
struct NameNonFinite {
    std::string contract;
    Run run = 0;
    Round round = 0;
    NodeId node;
};

/// The leader has the reports of all members of the attempt, more than one entry has room for: this
/// entry has those of the next members without one. Others follow, and a CommitRound.
struct RecordReports {
    std::string contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    std::vector<MemberReport> reports;  ///< ascending by node
};

/// Changes nothing. It is answered by an SN that has applied everything that was committed before
/// it was submitted: a status query to the same SN after the answer reads no stale state (ledger
/// rule R7).
struct ReadBarrier {};

/// An SN signs the history that it holds: one that shows different histories to different nodes has
/// signed a contradiction.
struct Checkpoint {
    std::uint64_t index = 0;
    Digest head;  ///< link of the record at `index`: see chain_link()
};

/// An SN signs that some SNs were removed because a person decided so. The membership record that
/// removed them is at `index`.
struct RemoveServers {
    std::vector<NodeId> removed;  ///< ascending
    std::string by;               ///< the tool that asked for it, or the SN that was started so
    /// No majority was left: the signing SN continued alone from its own ledger. A new epoch: what
    /// the removed ones hold beyond the record before `index` is another history.
    bool rebuilt = false;
    std::uint64_t index = 0;
    std::uint64_t session = 0;  ///< of the start that rebuilt it, which is when: see start_text()
};

/// Which names may register.
enum class Admission : std::uint8_t {  // on disk and on the wire: do not renumber
    first_contact = 1,  ///< any certificate by a trusted CA; the first one takes the name
    roll = 2,           ///< names that the roll lists
};
struct AdmittedName {
    NodeId node;
    std::optional<CaFingerprint> ca;  ///< nothing: of the first certificate that it shows

    friend bool operator==(const AdmittedName&, const AdmittedName&) = default;
};
/// Set by the operator of the first SN, in a command that only that SN may submit.
struct SwarmRules {
    Admission admission = Admission::first_contact;
    std::vector<AdmittedName> admins;     ///< tools that may change the roll; each with a CA
    std::vector<AdmittedName> operators;  ///< tools that may take names out of it, and SNs
    std::vector<AdmittedName> roll;       ///< names that are admitted
    std::vector<NodeId> voters;           ///< SNs that vote as soon as they join, whatever their CA
    /// More than half of the owners may give an SN a vote, and expel one; see Roll::owners().
    bool owners_decide = false;

    friend bool operator==(const SwarmRules&, const SwarmRules&) = default;
};
/// An administrator's step, or an owner's vote for it; see SwarmRules::owners_decide.
struct ChangeRoll {
    enum class Kind : std::uint8_t {  // on disk and on the wire: do not renumber
        admit = 1,                    ///< the name, and no other CA than this one
        expel = 2,                    ///< it takes no part any more, under no CA
        admit_server = 3,             ///< an SN, which votes from now on
    };
    Kind kind = Kind::admit;
    NodeId node;
    std::optional<CaFingerprint> ca;
};

/// Any command. A struct rather than an alias: the special members of a variant of so many types
/// are slow to compile, and so they are compiled once, in command.cpp.
struct Command
    : std::variant<RegisterNode, Enrol, CheckInRound, CommitRound, LeaveContract, ExpireDeadline,
                   LoseNode, ExcludeMember, ReadBarrier, Checkpoint, RemoveServers, SwarmRules,
                   ChangeRoll, NameNonFinite, KeepApart, NameFalseMerge, RecordReports> {
    using variant::variant;
    Command();
    Command(const Command& other);
    Command(Command&& other) noexcept;
    Command& operator=(const Command& other);
    Command& operator=(Command&& other) noexcept;
    ~Command();
};

/// "check_in", "commit_round", ...: for traces.
std::string_view name_of(const Command& command);
/// Whether only SNs may submit it.
bool is_for_sns(const Command& command);

/// Bounds of texts inside commands.
constexpr std::size_t reason_max = 1024;
constexpr std::size_t layout_text_max = std::size_t{4} * 1024 * 1024;

void encode(Writer& writer, const Command& command);
/// On malformed input the reader enters the failed state.
Command decode_command(Reader& reader);

/// One entry of the ledger. A command is applied once, however often it is sent: a repeated
/// (session, sequence) gets the same answer again.
struct Entry {
    std::int64_t time_ns = 0;   ///< clock of the proposing SN, monotonic
    NodeId signer;              ///< author: an SL, a tool, or the SN itself
    std::uint64_t session = 0;  ///< 0: an SN's own
    std::uint64_t sequence = 0;
    Command command;
    Signature signature;  ///< by the signer, over command_text(); zeros: of a read barrier
};

/// The bytes that are signed: by the author of a command, and by a member that reports on an
/// attempt. Both hold the node's name, so that no signature can be used for another node.
Bytes command_text(const NodeId& signer, std::uint64_t session, std::uint64_t sequence,
                   const Command& command);
Bytes report_text(const NodeId& node, const std::string& contract, Run run, Round round,
                  Attempt attempt, const Digest& digest, bool durable = true);

Bytes encode_entry(const Entry& entry);
Result<Entry> decode_entry(ByteView bytes);

/// When the entry was proposed, clamped to [0, 2^62 ns] (146 years): a lying leader can write any
/// time there, and durations are added to it.
SwarmTime time_of(const Entry& entry);

// Pieces that messages and snapshots share with commands.
void encode(Writer& writer, const std::optional<CaFingerprint>& ca);
std::optional<CaFingerprint> decode_ca(Reader& reader);
void encode(Writer& writer, const std::vector<MemberReport>& reports);
std::vector<MemberReport> decode_member_reports(Reader& reader);
void encode(Writer& writer, const Commit& commit);
Commit decode_commit(Reader& reader, std::size_t text_bytes_max);
void encode(Writer& writer, const Address& address);
Address decode_address(Reader& reader);
/// Whether the host is printable ASCII: it is dialled, looked up in certificates and shown to
/// people.
bool is_printable(const Address& address);
void encode(Writer& writer, const NodeId& id);
NodeId decode_node_id(Reader& reader);
void encode(Writer& writer, const std::vector<NodeId>& ids);
std::vector<NodeId> decode_node_ids(Reader& reader, std::uint32_t count_max);
void encode(Writer& writer, const ContractConfig& config);
ContractConfig decode_contract_config(Reader& reader);
std::string decode_site(Reader& reader);
void encode(Writer& writer, const CheckIn& check_in);
CheckIn decode_check_in(Reader& reader);
void encode(Writer& writer, const MemberList& members);
/// Members ascend, each once, and their texts have `text_bytes_max` bytes at most in all.
MemberList decode_members(Reader& reader, std::size_t text_bytes_max = list_text_bytes_max);
// What encode() writes, in bytes.
std::uint64_t encoded_size(const RoundMember& member);  ///< as the first one of a list
std::uint64_t encoded_size(const MemberList& members);  ///< counted once for all copies
/// What encode() writes, shared by all frames that have a copy of the list.
Blob encoded(const MemberList& members);
/// Of a list in memory, about.
std::uint64_t memory_bytes(const MemberList& members);
/// Names a list of members: over what encode() writes.
Digest digest_of(const MemberList& members, const Hasher& hasher);
void encode(Writer& writer, const ContractView& view);
/// What encode() writes, in bytes, without writing the members again for each copy of them.
std::uint64_t encoded_size(const ContractView& view);
ContractView decode_contract_view(Reader& reader);

}  // namespace starling
