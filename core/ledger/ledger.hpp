#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/ledger/roll.hpp"

namespace starling {

// Events: what an entry changed, for traces and notifications.
struct NodeRegistered {
    NodeId node;
    Role role = Role::sl;
    Address address;
    /// Where its earlier start is, if the swarm thought that it was up.
    std::optional<Address> instead_of;
};
struct MemberEnrolled {
    std::string contract;
    NodeId node;
    bool first = false;
};
struct CheckedIn {
    std::string contract;
    NodeId node;
    Round round = 0;
    std::uint32_t here = 0;        ///< members that have, by now
    std::optional<Digest> merged;  ///< see CheckInRound
};
struct RoundFrozen {
    std::string contract;
    Round round = 0;
    Attempt attempt = 0;
    std::uint32_t members = 0;
    bool retry = false;  ///< members are those of an earlier attempt without one that was lost
};
struct RoundCommitted {
    std::string contract;
    Commit commit;
};
struct MemberGone {
    std::string contract;
    NodeId node;
    bool lost = false;
    std::string reason;
};
/// Out of this round only.
struct MemberExcluded {
    std::string contract;
    NodeId node;
    std::string reason;
};
/// Merged a round that is committed to other bytes than most of its members.
struct MemberDeviated {
    std::string contract;
    NodeId node;
    Round round = 0;
    Digest digest;  ///< what it signed
    Digest agreed;
    std::uint32_t times = 0;  ///< in this run, with this one
};
/// No majority of an attempt's members merged it to the same bytes.
struct RoundUndecided {
    std::string contract;
    Round round = 0;
    Attempt attempt = 0;
    std::string merges;  ///< who has merged it to what, for people
    NodeId next;         ///< who merges the next attempt
};
/// Nothing moves between a member and these others, or one merged to other bytes than the other
/// one sent to most: the rest merges for them from here on.
struct MembersKeptApart {
    std::string contract;
    NodeId node;
    std::vector<NodeId> others;
    Round round = 0;
    bool deviated = false;
};
/// Its parameters of this round hold NaN or infinity.
struct ContributionNotFinite {
    std::string contract;
    NodeId node;
    NodeId by;  ///< itself, or a member that was sent them
    Round round = 0;
    std::uint32_t times = 0;  ///< rounds of this run, with this one
    bool left_out = false;    ///< of the merge
};
struct ContractEnded {
    std::string contract;
    ContractPhase phase = ContractPhase::complete;
    std::string reason;
};
/// The roll says something new of a name; nothing: of many.
struct RollChanged {
    std::optional<NodeId> node;
    std::string by;    ///< an administrator, or the first SN; empty: first contact
    bool done = true;  ///< false: an owner has voted for it, no majority has yet
};
using LedgerEvent =
    std::variant<RollChanged, NodeRegistered, MemberEnrolled, CheckedIn, RoundFrozen,
                 RoundCommitted, MemberGone, MemberExcluded, MemberDeviated, RoundUndecided,
                 MembersKeptApart, ContributionNotFinite, ContractEnded>;

/// The answer to a command, kept for its (session, sequence).
struct Answer {
    Errc code = Errc::ok;
    ShortText reason;
    Run run = 0;
};

struct Applied {
    Answer answer;
    std::vector<LedgerEvent> events;
};

struct RegisteredNode {
    Role role = Role::sl;
    bool lost = false;
    Address address;
    Credentials credentials;
    std::uint64_t session = 0;  ///< of the start that registered it; 0: an SN
};

/// The swarm's agreed state: a deterministic function of the entries applied, in order, without a
/// clock or randomness. An entry that is refused changes nothing but its signer's answer.
class Ledger {
public:
    Applied apply(const Entry& entry, std::uint64_t index);

    /// The answer to a command that was applied already, or `replaced` if it is of an earlier start
    /// of its signer (a later start has a larger session). Nothing: it was not applied yet.
    std::optional<Answer> answer_of(const NodeId& signer, std::uint64_t session,
                                    std::uint64_t sequence) const;

    /// The answer if apply() would refuse the entry for good, so that it need not be replicated.
    /// Nothing: it may be accepted, or is stale, after which its signer continues.
    std::optional<Answer> refusal_of(const Entry& entry) const;
    /// Whether the entry has its signer's next sequence number. Those of a start are contiguous
    /// from 1, which is a registration; an auditor takes a gap for omitted commands.
    bool is_next(const Entry& entry) const;

    const std::map<std::string, Contract>& contracts() const { return contracts_; }
    const std::map<NodeId, RegisteredNode>& nodes() const { return nodes_; }
    const Roll& roll() const { return roll_; }
    /// nullptr: it is not registered. It stays valid while the ledger is not replaced by another
    /// one, since no node is ever removed.
    const RegisteredNode* find_node(const NodeId& node) const;
    /// Session of the node's newest registered start; 0: none is registered.
    std::uint64_t session_of(const NodeId& node) const;
    const Contract* find_contract(const std::string& name) const;

    /// The whole state, in one encoding: see LedgerSnapshot.
    void encode(Writer& writer) const;
    /// On malformed input the reader enters the failed state.
    static Ledger decode(Reader& reader);

private:
    struct Session {
        std::uint64_t session = 0;
        std::uint64_t sequence = 0;
        Answer answer;
    };

    Applied execute(const Entry& entry);
    Answer register_node(const Entry& entry, const RegisterNode& command);
    Answer enrol(const Entry& entry, const Enrol& command);
    Answer set_rules(const Entry& entry, const SwarmRules& command);
    Answer change_roll(const Entry& entry, const ChangeRoll& command);
    void expel(const NodeId& node, const Entry& entry);
    Answer check_roll_command(const Entry& entry) const;
    Answer check_enrol(const Entry& entry, const Enrol& command) const;
    void make_room();
    Answer check_in(const Entry& entry, const CheckInRound& command);
    Answer record_reports(const RecordReports& command);
    Answer commit(const Entry& entry, const CommitRound& command);
    Answer leave(const Entry& entry, const LeaveContract& command);
    Answer expire(const Entry& entry, const ExpireDeadline& command);
    Answer lose(const Entry& entry, const LoseNode& command);
    Answer exclude(const Entry& entry, const ExcludeMember& command);
    Answer keep_apart(const Entry& entry, const KeepApart& command);
    Answer name_false_merge(const Entry& entry, const NameFalseMerge& command);
    Answer name_non_finite(const Entry& entry, const NameNonFinite& command);
    void note_non_finite(Contract& contract, const NodeId& node, const NodeId& by);
    void end_if_none_finite(Contract& contract);
    static void choose_owners(const Contract& contract, std::vector<RoundMember>& frozen);
    static void note_holdup(Contract& contract, const NodeId& node, std::uint32_t rounds);
    void lose_absent(Contract& contract, SwarmTime now);
    void expel_who_holds_up(Contract& contract, SwarmTime now);
    Answer come_back(const Entry& entry, Contract& contract);
    void retry_without(Contract& contract, SwarmTime now);

    Contract* current(const std::string& name, Run run);
    template <typename WithReports>
    Contract* attempt_of(const WithReports& command);
    void note_decision(Contract& contract) const;
    void freeze_if_ready(Contract& contract, SwarmTime now);
    void freeze(Contract& contract, bool retry, SwarmTime now);
    static void note_early_merge(Contract& contract, const NodeId& node,
                                 const std::optional<EarlyMerge>& merged);
    void commit_if_merged_early(Contract& contract, const std::vector<MemberReport>& early,
                                SwarmTime now);
    void decide(Contract& contract, const std::vector<MemberReport>& reports, SwarmTime now);
    void conclude(Contract& contract, const Digest& agreed);
    void repeat_undecided(Contract& contract, const std::vector<MemberReport>& reports,
                          SwarmTime now);
    void note_deviation(Contract& contract, Round round, const MemberReport& report,
                        const Digest& agreed, SwarmTime now);
    void remove_member(Contract& contract, const NodeId& node, MemberStatus status,
                       const std::string& reason, SwarmTime now);
    void end(Contract& contract, ContractPhase phase, std::string reason);
    void set_wait_deadline(Contract& contract, SwarmTime now);

    std::map<std::string, Contract> contracts_;
    std::map<std::string, Run> past_runs_;  ///< of ended contracts that were evicted
    std::map<NodeId, RegisteredNode> nodes_;
    std::map<NodeId, Session> sessions_;
    Roll roll_;
    std::vector<LedgerEvent> events_;  ///< of the entry being applied
    std::uint64_t index_ = 0;
};

}  // namespace starling
