#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "core/node/outbox.hpp"
#include "core/raft/raft_consensus.hpp"
#include "core/sn/sn_node.hpp"
#include "core/sn/sn_status.hpp"

namespace starling {

/// The SN node's memory and its reactions, one source file a subject: nodes that are connected and
/// their deadlines (sn_node.cpp), leases and rounds that stand still (sn_stalls.cpp), the log and
/// what its entries bring about (sn_log.cpp), what is signed (sn_signed.cpp), the other SNs
/// (sn_servers.cpp), who is one of them (sn_joining.cpp), reads (sn_reads.cpp), what is not worth
/// an entry (sn_limits.cpp), which of them are gone for good (sn_removals.cpp), what is said
/// where none leads (sn_leaderless.cpp), copies of this SN (sn_copies.cpp), who may be whom
/// (sn_roll.cpp).
class SnNode final : public Node {
public:
    SnNode(SnNodeOptions options, const Hasher& hasher);

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::sn; }
    std::uint64_t session() const override { return options_.session; }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override;

private:
    enum Timer : std::uint32_t {
        lease_timer = 1,
        contract_timer = 2,
        status_timer = 3,
        raft_timer = 4,
        server_timer = 5,
        dial_timer = 6,
        original_timer = 7
    };
    static constexpr std::string_view component = "swarm.SN";  ///< of log lines
    static constexpr SwarmDuration server_interval = std::chrono::milliseconds(500);
    using Peer = SnPeer;
    using CommandKey = std::tuple<NodeId, std::uint64_t, std::uint64_t>;

    // sn_node.cpp
    void handle(const Input& input, Outbox& out);
    void start(Outbox& out);
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(const PeerLost& lost, Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    /// \param via  the SN that has handed it on
    void on_command(const NodeId& from, const SubmitCommand& submit, Outbox& out,
                    const std::optional<NodeId>& via = std::nullopt);
    static void reply(const NodeId& to, CommandResult result, Outbox& out) {
        out.send(to, std::move(result));
    }
    void on_heartbeat(const NodeId& from, const Heartbeat& beat, Outbox& out);
    bool is_replaced(const NodeId& node, std::uint64_t session) const;
    void turn_away(const NodeId& node, std::uint64_t session, Outbox& out);
    void on_timer(const TimerDue& due, Outbox& out);
    void on_stop(const StopRequested& stop, Outbox& out);
    void check_leases(Outbox& out);
    void check_deadlines(Outbox& out);
    void arm_deadline(Outbox& out, SwarmDuration at_least = SwarmDuration{0});
    SnStatusSource status_source() const {
        return {options_.id,
                options_.api_address,
                ledger_,
                peers_,
                reports_,
                head_,
                entries_,
                now_,
                ledger_now(),
                started_,
                consensus_->servers(),
                shown_leader(),
                consensus_->term(),
                leader_seen_};
    }

    // sn_stalls.cpp
    struct StalledPairs {
        std::set<std::pair<NodeId, NodeId>> all;
        /// Of the others, where the one that owes merged segments has not reported: it may wait for
        /// contributions itself.
        std::set<std::pair<NodeId, NodeId>> unmerged;
        std::set<std::pair<NodeId, NodeId>> refused;  ///< no connection, for a certificate
    };
    /// Who holds an attempt up.
    struct HeldUp {
        NodeId node;
        std::vector<NodeId> others;  ///< it exchanges nothing with; none: it does not report
        bool refused = false;        ///< there is no connection, for a certificate
        std::string why;
    };
    /// Of a contract's attempt that is on: when bytes of its segments came last, at any member.
    struct RoundMotion {
        RoundKey key;
        SwarmTime moved_at{};
        SwarmTime began_at{};         ///< when this SN was told of the attempt
        SwarmDuration longest_gap{};  ///< without a byte, between two that have come
        bool moved = false;           ///< some have come
        RoundKey shown;               ///< the attempt whose standstill was logged last
        SwarmTime shown_at{};
    };
    SwarmDuration lease_of(const Peer& peer) const;
    static SwarmDuration standstill_of(const Contract& contract, const RoundMotion& motion);
    void note_heartbeat(const NodeId& from, const Heartbeat& beat);
    StalledPairs stalled_pairs(const Contract& contract);
    std::optional<NodeId> unreported(const Contract& contract) const;
    std::optional<HeldUp> holds_up(const Contract& contract);
    std::optional<Command> way_on(const Contract& contract, const HeldUp& held_up) const;
    void check_stalls(Outbox& out);
    void show_standstill(const Contract& contract, const NodeId& node, const std::string& what,
                         Outbox& out);

    // sn_log.cpp
    /// Ledger time: goes on from where an earlier start of this node, or another SN, left it.
    SwarmTime ledger_now() const { return now_ + ledger_offset_; }
    void propose(Entry entry, Outbox& out);
    /// An entry of its own that is on its way.
    bool is_proposed(const Command& command) const;
    /// Carries out what the consensus wants done, in its order.
    void perform(ConsensusOutput& output, Outbox& out);
    void apply(const LogRecord& record, Outbox& out);
    void apply_entry(const LogRecord& record, TraceEvent applied_event, Outbox& out);
    /// Whether the trace tells of it: not again after a restart.
    bool is_told(std::uint64_t index) const {
        return index > recovered_ || options_.trace_recovered;
    }
    void note_history(std::uint64_t agreed);
    void tell_history(Outbox& out);
    void answer(const Entry& entry, const Answer& answer, Outbox& out);
    void tell(const LedgerEvent& event, Outbox& out);
    void push_view(const std::string& contract, Outbox& out);

    // sn_signed.cpp
    /// Whether the entry is signed by its author. Errc::refused tells why not.
    Result<void> check_signature(const Entry& entry) const;
    bool is_signed_with(const PublicKey& key, const Entry& entry) const;
    void take_report(const NodeId& from, const Heartbeat& beat, Outbox& out);
    /// Whether `key` names the attempt that is on.
    bool is_about(const RoundKey& key, const Contract& contract) const;
    /// Proposes the commit of an attempt of which all members have reported.
    void commit_if_reported(const Contract& contract, Outbox& out);
    bool has_reported(const Contract& contract, const NodeId& node) const;
    /// An entry in this SN's own name, wherever the leader is.
    void say(Command command, Outbox& out);
    void on_server_command(const NodeId& from, const SubmitCommand& submit, Outbox& out);
    void register_self(Outbox& out);
    void sign_checkpoint(Outbox& out);
    void compare_checkpoint(const NodeId& signer, const Checkpoint& checkpoint, Outbox& out) const;

    // sn_copies.cpp
    void on_started(Outbox& out);
    void while_asking_original(const Input& input, Outbox& out);
    void end_as_copy(const std::string& why, Outbox& out);

    // sn_removals.cpp
    /// A tool's wish that waits, at the SN that it is connected with and at the one that leads.
    struct Removal {
        NodeId from;
        RemoveServer what;
    };
    void on_remove_server(const NodeId& from, const RemoveServer& what, Outbox& out);
    void on_removal_answer(const NodeId& from, const StatusReply& reply, const Blob& body,
                           Outbox& out);
    void carry_out_removals(Outbox& out);
    void hand_on_removals(Outbox& out);
    /// Of the SN that leads: the end of it, if it has come to one.
    std::optional<Result<void>> try_to_remove(const Removal& removal, Outbox& out);
    Result<void> take_out(const NodeId& node, Outbox& out);
    Result<void> leaves_a_majority(const NodeId& without) const;
    void answer_removal(const Removal& removal, const Result<void>& done, Outbox& out) const;
    void apply_membership(const LogRecord& record);
    void apply_removal(const Entry& entry, const RemoveServers& removal);
    void tell_removal(const RemoveServers& removal, Outbox& out) const;
    void recall_removed(Outbox& out);
    bool is_removed(std::uint64_t number) const {
        return !options_.planted.serve_removed_servers && removed_.contains(number);
    }
    void tell_removed(const NodeId& node, std::uint64_t number, Outbox& out);

    // sn_leaderless.cpp
    void check_leader(Outbox& out);
    std::string leaderless_text() const;

    // sn_roll.cpp
    Result<void> may_say(const NodeId& from, const SubmitCommand& submit, bool relayed) const;
    /// Whether a tool has signed this removal, and may have an SN removed.
    Result<void> check_removal(const NodeId& from, const RemoveServer& what) const;
    SwarmRules wanted_rules() const;
    void propose_rules(Outbox& out);
    void apply_roll(const RollChanged& changed, Outbox& out);
    void apply_pin(const NodeId& node, Outbox& out);
    void tell_pins(const NodeId& to, Outbox& out) const;
    void tell_roll(const RollChanged& changed, Outbox& out) const;
    void tell_owners(const RollChanged& changed, Outbox& out) const;
    void remove_expelled_servers(Outbox& out);
    void deny(const NodeId& node, const Answer& why, Outbox& out) const;

    // sn_reads.cpp
    /// Of a node that is connected here.
    struct Read {
        std::uint64_t session = 0;
        std::uint64_t sequence = 0;
        std::uint64_t serial = 0;
        std::optional<std::uint64_t> index;  ///< of the ledger, which it must see
    };
    /// Of the SN that leads: are the voters still in its term?
    struct ReadRound {
        std::uint64_t term = 0;
        std::uint64_t serial = 0;
        std::uint64_t index = 0;
        std::map<NodeId, std::uint64_t> asked;  ///< by SN: its newest read when the round began
        std::set<NodeId> confirmed;
    };
    void take_read(const NodeId& from, const SubmitCommand& submit, Outbox& out);
    void ask_read_index(Outbox& out);
    void check_term(Outbox& out);
    void end_read_round_if_confirmed(Outbox& out);
    void on_read_index(const NodeId& from, const ReadIndex& read, Outbox& out);
    void take_read_index(std::uint64_t serial, std::uint64_t index);
    void answer_reads(Outbox& out);

    // sn_limits.cpp
    /// Bytes that a signer has had written lately, as the SN that leads counts them.
    struct Share {
        double bytes = 0;
        SwarmTime at{};
        std::optional<SwarmTime> told;
    };
    double owed_by(Share& share) const;
    bool has_share(const NodeId& signer, const Command& command, Outbox& out);
    void give_back_shares(const Commit& commit);
    void refuse_command(const NodeId& from, const SubmitCommand& submit, const Answer& why,
                        const std::optional<NodeId>& via, Outbox& out);
    std::optional<Answer> refusal_of(const Entry& entry) const;
    void on_relayed_result(const NodeId& from, const RelayedResult& relayed, Outbox& out);
    void tell_refusal_not_shared(const NodeId& leader, const RelayedResult& relayed, Outbox& out);

    // sn_servers.cpp
    /// By the newest membership; nullptr: it keeps no ledger.
    const Server* find_server(const NodeId& node) const;
    bool is_server(const NodeId& node) const { return find_server(node) != nullptr; }
    bool is_outside() const;
    void on_server_frame(const FrameReceived& received, Outbox& out);
    void on_relayed_news(const NodeId& from, const RelayedNews& news, Outbox& out);
    /// Tells the leader of an SL that is connected here.
    void relay_news(const NodeId& node, bool connected, const Heartbeat& beat, Outbox& out);
    void relay(const NodeId& from, const SubmitCommand& submit, Outbox& out);
    void on_leadership(Outbox& out);
    void resend_pending(Outbox& out);
    bool misses_leader() const { return now_ - leader_seen_ > options_.limits.leader; }
    std::optional<NodeId> shown_leader() const;
    void on_connect_failed(const ConnectFailed& failed, Outbox& out);
    /// After each step: who leads, and when Raft wants to be woken.
    void settle(Outbox& out);
    void dial_servers(Outbox& out);
    void dial(const Address& address, Outbox& out);
    void end(int code, const std::string& why, Outbox& out);

    // sn_joining.cpp
    void on_membership_request(const NodeId& from, const MembershipRequest& request, Outbox& out);
    void on_membership_reply(const NodeId& from, const MembershipReply& reply, Outbox& out);
    Result<void> change_membership(const NodeId& from, const MembershipRequest& request,
                                   Outbox& out);
    void note_servers(const NodeId& from, const std::vector<Server>& servers);
    void note_refusal(const NodeId& from, const MembershipReply& reply, Outbox& out);
    bool believes_removal(const NodeId& from, const MembershipReply& reply) const;
    bool proves_rebuild(const RebuildProof& proof) const;
    bool most_other_voters(const std::vector<Server>& servers,
                           const std::function<bool(const NodeId&)>& holds) const;
    void tell_claim(const NodeId& from, const std::string& claim, Outbox& out);
    /// Asks to be taken in, or out.
    void ask_to_join(Outbox& out);
    void ask_to_leave(Outbox& out);
    void send_membership_request(bool leave, Outbox& out) const;

    void report(TraceEvent event, Outbox& out) const {
        if (untold_) {
            event.text.clear();  // for the trace only
        }
        out.report(std::move(event));
    }

    SnNodeOptions options_;
    const Hasher& hasher_;
    std::unique_ptr<Consensus> consensus_;
    Ledger ledger_;
    Digest head_;  ///< link of the newest applied record: see chain_link()
    std::uint64_t entries_ = 0;
    std::vector<Digest> links_;       ///< of every applied record, to compare checkpoints with
    std::uint64_t applied_term_ = 0;  ///< of the newest applied record
    std::uint64_t recovered_ = 0;     ///< records that the disk held: applied without a word
    /// What the others had agreed on while this SN was away is no news: up to this record it is
    /// applied without log lines, and told in one.
    std::uint64_t history_ = 0;
    std::uint64_t history_from_ = 0;
    std::uint64_t history_rounds_ = 0;
    bool led_before_ = false;  ///< an append has come since the start
    bool untold_ = false;      ///< a record of that kind is being applied
    std::map<NodeId, Peer> peers_;
    std::map<std::string, RoundReports> reports_;  ///< by contract
    std::map<std::string, RoundMotion> motions_;   ///< by contract
    std::uint64_t checkpoint_at_ = 0;              ///< entries when this SN signed last
    bool checkpoint_due_ = false;
    std::set<CommandKey> pending_;       ///< proposed by this leader and not applied yet
    std::set<std::string> pending_own_;  ///< the same for its own entries, by what they say
    std::uint64_t led_term_ = 0;         ///< the term in which this SN leads; 0: it does not
    SwarmTime led_since_{};
    std::optional<NodeId> known_leader_;
    std::uint64_t known_term_ = 0;        ///< in which it leads
    std::optional<NodeId> shown_leader_;  ///< what status answers said last
    SwarmTime leader_seen_{};             ///< when there was one last
    bool ready_ = false;
    bool stopped_ = false;
    std::optional<SwarmTime> raft_armed_;
    std::uint64_t pending_resent_term_ = 0;  ///< whose leader was sent the pending commands
    std::optional<Address> original_;  ///< asked whether the SN that this is a copy of runs there
    std::vector<Input> held_;          ///< what came meanwhile
    /// A server number that is no more, and how that came.
    struct RemovedServer {
        NodeId node;
        Address address;
        std::uint64_t index = 0;  ///< of the membership record
        std::optional<RemoveServers> said;
        bool told = false;  ///< it came back and was sent away
        std::optional<RebuildProof> rebuilt;
    };
    std::map<NodeId, Read> reads_;
    std::map<NodeId, std::uint64_t> reads_asked_;  ///< at the SN that leads, for the next round
    std::optional<ReadRound> read_round_;
    std::uint64_t read_serial_ = 0;
    std::map<NodeId, Share> shares_;
    bool was_server_ = false;               ///< its own membership, while there was a leader
    std::map<NodeId, CaFingerprint> pins_;  ///< of SLs and SNs with a certificate, by the roll
    std::vector<Server> applied_servers_;
    std::map<std::uint64_t, RemovedServer> removed_;  ///< by number
    SwarmTime recall_at_{};
    std::vector<Removal> removals_;
    std::map<Address, std::string> dial_errors_;  ///< the newest, where nobody answers
    SwarmDuration leaderless_next_{0};            ///< without a leader for so long: the next line
    bool leaderless_told_ = false;
    std::set<Address> dialling_;
    SwarmDuration dial_backoff_{0};
    bool dial_armed_ = false;
    std::set<NodeId> claimed_by_;         ///< SNs that say that this one was removed
    std::map<NodeId, NodeId> leader_by_;  ///< of other SNs: who leads, as each says
    std::map<NodeId, Error> refusals_;    ///< of SNs that did not take this one in, or out
    std::vector<Server> told_servers_;    ///< by other SNs, while the own log knows of none
    SnStatus status_{status_timer};
    SwarmTime now_{};
    SwarmTime started_{};
    SwarmDuration ledger_offset_{0};
    std::int64_t last_entry_ns_ = 0;
};

}  // namespace starling
