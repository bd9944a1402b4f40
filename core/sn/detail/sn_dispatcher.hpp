#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/node/log_interval.hpp"
#include "core/node/outbox.hpp"
#include "core/sn/entry_shares.hpp"
#include "core/sn/kept_snapshots.hpp"
#include "core/sn/leadership.hpp"
#include "core/sn/leases.hpp"
#include "core/sn/membership_claims.hpp"
#include "core/sn/merge_reports.hpp"
#include "core/sn/older_records.hpp"
#include "core/sn/original_check.hpp"
#include "core/sn/part_allowance.hpp"
#include "core/sn/pinned_names.hpp"
#include "core/sn/read_index.hpp"
#include "core/sn/removed_servers.hpp"
#include "core/sn/replicated_log.hpp"
#include "core/sn/round_motion.hpp"
#include "core/sn/sent_lists.hpp"
#include "core/sn/server_dialler.hpp"
#include "core/sn/sn_node.hpp"
#include "core/sn/sn_status.hpp"
#include "core/sn/stalled_pairs.hpp"
#include "core/sn/state_transfer.hpp"

namespace starling {

/// The SN node: dispatches its inputs to collaborators that own their state, and decides what
/// follows from what they return. One source file a subject: connections and timers (sn_node.cpp),
/// commands and heartbeats (sn_commands.cpp), leases and deadlines (sn_deadlines.cpp), rounds that
/// stand still (sn_stalls.cpp), the log and what its entries bring about (sn_log.cpp), signatures
/// (sn_signed.cpp), the other SNs (sn_servers.cpp), joining and leaving (sn_joining.cpp), removal
/// (sn_removals.cpp), limits on entries (sn_limits.cpp), the time without a leader
/// (sn_leaderless.cpp), copied disks (sn_copies.cpp), the roll (sn_roll.cpp).
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
        original_timer = 7,
        state_timer = 8,
        view_timer = 9
    };
    static constexpr std::string_view component = "swarm.SN";  ///< of log lines
    static constexpr SwarmDuration server_interval = std::chrono::milliseconds(500);
    using Peer = SnPeer;

    // sn_node.cpp
    void handle(const Input& input, Outbox& out);
    /// \param held  connections that were made before
    void start(Outbox& out, const std::vector<Input>& held = {});
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(const PeerLost& lost, Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    void on_timer(const TimerDue& due, Outbox& out);
    void on_stop(const StopRequested& stop, Outbox& out);
    SnStatusSource status_source() const {
        return {.id = options_.id,
                .api_address = options_.api_address,
                .ledger = ledger(),
                .peers = peers_,
                .reports = reports_.all(),
                .head = log_.applied().head(),
                .entries = log_.applied().size(),
                .now = now_,
                .ledger_now = log_.ledger_time(now_),
                .started = started_,
                .servers = raft().servers(),
                .leader = shown_leader(),
                .term = raft().term(),
                .leader_seen = leadership_.seen_at()};
    }

    // sn_commands.cpp
    /// \param via  the SN that has handed it on
    void on_command(const NodeId& from, const SubmitCommand& submit, Outbox& out,
                    const std::optional<NodeId>& via = std::nullopt);
    static void reply(const NodeId& to, CommandResult result, Outbox& out) {
        out.send(to, std::move(result));
    }
    void on_heartbeat(const NodeId& from, const Heartbeat& heartbeat, Peer& peer, Outbox& out);
    void on_fetch_members(const NodeId& from, const FetchMembers& fetch, Outbox& out);
    bool is_replaced(const RegisteredNode* node, std::uint64_t session) const;
    const RegisteredNode* registered(const NodeId& node, Peer& peer) const;
    void reject_replaced(const NodeId& node, std::uint64_t session, Outbox& out);

    // sn_deadlines.cpp
    void check_leases(Outbox& out);
    void await_return(Outbox& out);
    void check_deadlines(Outbox& out);
    void check_models(Outbox& out);
    void arm_deadline(Outbox& out, SwarmDuration at_least = SwarmDuration{0});

    // sn_stalls.cpp
    /// Who holds an attempt up.
    struct HeldUp {
        NodeId node;
        std::vector<NodeId> others;  ///< it exchanges nothing with; none: it does not report
        bool refused = false;        ///< there is no connection, for a certificate
        std::string why;
    };
    void note_heartbeat(const Heartbeat& heartbeat, Peer& peer);
    StalledPairs stalled_pairs(const Contract& contract, bool with_unmerged);
    std::optional<NodeId> unreported(const Contract& contract) const;
    std::optional<HeldUp> holds_up(const Contract& contract);
    std::optional<Command> resolve_stall(const Contract& contract, const HeldUp& held_up) const;
    void check_stalls(Outbox& out);
    void warn_stall(const Contract& contract, const NodeId& node, const std::string& what,
                    Outbox& out);

    // sn_log.cpp
    void propose(Entry entry, Outbox& out);
    /// Carries out what the consensus wants done, in its order.
    void perform(ConsensusOutput& output, Outbox& out);
    void begin_behind(const LedgerSnapshot& snapshot, Outbox& out);
    void apply(const LogRecord& record, Outbox& out);
    void apply_entry(const LogRecord& record, TraceEvent applied_event, Outbox& out);
    /// Whether the trace gets events about this entry: not again after a restart.
    bool is_reported(std::uint64_t index) const {
        return index > log_.history().recovered || options_.trace_recovered;
    }
    void report_history(Outbox& out);
    void answer(const Entry& entry, const Answer& answer, Outbox& out);
    void on_ledger_event(const LedgerEvent& event, Outbox& out);
    void push_views(const std::vector<LedgerEvent>& events, Outbox& out);
    void push_view(const std::string& contract, Outbox& out);
    void push_to_next(const std::string& contract, Outbox& out);
    void push_on(Outbox& out);

    // sn_signed.cpp
    /// Whether the entry is signed by its author. Errc::refused tells why not.
    Result<void> check_signature(const Entry& entry) const;
    bool is_signed_with(const PublicKey& key, const Entry& entry) const;
    void take_report(const NodeId& from, const Heartbeat& heartbeat, Outbox& out);
    /// What it has said of the attempt of its newest heartbeat; nullptr: nothing that is here.
    std::optional<MemberReport> reported_by(const NodeId& node, const Peer& peer) const;
    /// Proposes the commit of an attempt of which all members have reported.
    void commit_if_reported(const Contract& contract, Outbox& out);
    /// Submits a command signed by this SN: proposes it, or relays it to the leader.
    void submit_own(Command command, Outbox& out);
    void on_server_command(const NodeId& from, const SubmitCommand& submit, Outbox& out);
    void register_self(Outbox& out);
    void sign_checkpoint(Outbox& out);
    void compare_checkpoint(const NodeId& signer, const Checkpoint& checkpoint, Outbox& out) const;

    // sn_copies.cpp
    void on_started(Outbox& out);
    void while_asking_original(const Input& input, Outbox& out);
    void end_as_copy(const std::string& why, Outbox& out);

    // sn_state.cpp
    bool takes_state() const;
    void while_taking_state(const Input& input, Outbox& out);
    void begin_with_state(StateTransfer::Taken taken, Outbox& out);
    void keep_snapshot(std::uint64_t index, const Bytes& snapshot);
    bool on_state_frame(const FrameReceived& received, Outbox& out);
    void send_records(const NodeId& to, const FetchRecords& fetch, Outbox& out);
    std::vector<Bytes> records_up_to(std::uint64_t last) const;
    void on_older_records(const NodeId& from, const RecordsPart& part, Outbox& out);
    void copy_older(Outbox& out);

    // sn_removals.cpp
    /// A tool's pending request, at the SN that it is connected with and at the leader.
    struct Removal {
        NodeId from;
        RemoveServer what;
    };
    void on_remove_server(const NodeId& from, const RemoveServer& what, Outbox& out);
    void on_removal_answer(const NodeId& from, const StatusReply& reply, const Blob& body,
                           Outbox& out);
    void process_removals(Outbox& out);
    void forward_removals(Outbox& out);
    /// Of the SN that leads: the end of it, if it has come to one.
    std::optional<Result<void>> try_to_remove(const Removal& removal, Outbox& out);
    Result<void> start_removal(const NodeId& node, Outbox& out);
    Result<void> leaves_a_majority(const NodeId& without) const;
    void answer_removal(const Removal& removal, const Result<void>& done, Outbox& out) const;
    void report_removal(const RemoveServers& removal, Outbox& out) const;
    void dial_left_behind(Outbox& out);
    bool is_removed(std::uint64_t number) const {
        return !options_.planted.serve_removed_servers && removed_.contains(number);
    }
    void reject_removed(const NodeId& node, std::uint64_t number, Outbox& out);

    // sn_leaderless.cpp
    void check_leader(Outbox& out);
    std::string leaderless_text() const;

    // sn_roll.cpp
    Result<void> may_submit(const NodeId& from, const SubmitCommand& submit,
                            const Peer* connected) const;
    /// Whether a tool has signed this removal, and may have an SN removed.
    Result<void> check_removal(const NodeId& from, const RemoveServer& what) const;
    SwarmRules wanted_rules() const;
    void propose_rules(Outbox& out);
    void apply_roll(const RollChanged& changed, Outbox& out);
    void apply_pin(const NodeId& node, Outbox& out);
    void report_roll(const RollChanged& changed, Outbox& out) const;
    void report_owners(const RollChanged& changed, Outbox& out) const;
    void remove_expelled_servers(Outbox& out);
    void deny(const NodeId& node, const Answer& why, Outbox& out) const;

    // sn_limits.cpp
    bool has_share(const NodeId& signer, const Command& command, Outbox& out);
    void refuse_command(const NodeId& from, const SubmitCommand& submit, const Answer& why,
                        const std::optional<NodeId>& via, Outbox& out);
    std::optional<Answer> refusal_of(const Entry& entry) const;
    void on_relayed_result(const NodeId& from, const RelayedResult& relayed, Outbox& out);
    void warn_refusal_not_shared(const NodeId& leader, const RelayedResult& relayed, Outbox& out);

    // sn_servers.cpp
    /// By the newest membership; nullptr: it keeps no ledger.
    const Server* find_server(const NodeId& node) const;
    bool is_server(const NodeId& node) const { return find_server(node) != nullptr; }
    /// Whether the SNs keep the ledger with this one, not with an earlier one of its name.
    bool is_member() const;
    bool is_outside() const;
    void on_server_frame(const FrameReceived& received, Outbox& out);
    bool is_heard_here(const NodeId& node, const Peer& peer) const;
    void on_relayed_news(const NodeId& from, const RelayedNews& news, Outbox& out);
    /// Forwards to the leader the heartbeat of an SL that is connected here.
    void relay_news(const NodeId& node, bool connected, const Heartbeat& heartbeat, Outbox& out);
    void relay(const NodeId& from, const SubmitCommand& submit, Outbox& out);
    void on_leadership(Outbox& out);
    void on_new_leader(Outbox& out);
    void resend_pending(Outbox& out);
    bool misses_leader() const { return leadership_.is_missing(now_); }
    std::optional<NodeId> shown_leader() const { return leadership_.shown(raft(), now_); }
    void on_connect_failed(const ConnectFailed& failed, Outbox& out);
    /// After each step: who leads, and when Raft wants to be woken.
    void settle(Outbox& out);
    void dial_servers(Outbox& out);
    void end(int code, const std::string& why, Outbox& out);

    // sn_joining.cpp
    void on_membership_request(const NodeId& from, const MembershipRequest& request, Outbox& out);
    void on_membership_reply(const NodeId& from, const MembershipReply& reply, Outbox& out);
    Result<void> change_membership(const NodeId& from, const MembershipRequest& request,
                                   Outbox& out);
    bool has_left(const NodeId& from, const MembershipReply& reply);
    bool believes_removal(const NodeId& from, const MembershipReply& reply) const;
    bool proves_rebuild(const RebuildProof& proof) const;
    void report_claim(const NodeId& from, const std::string& claim, Outbox& out);
    /// Asks the other SNs for a membership change of this one.
    void request_join(Outbox& out);
    void request_leave(Outbox& out);
    void send_membership_request(bool leave, Outbox& out) const;

    Consensus& raft() { return log_.consensus(); }
    const Consensus& raft() const { return log_.consensus(); }
    const Ledger& ledger() const { return log_.ledger(); }
    void report(TraceEvent event, Outbox& out) const {
        if (log_.history().in_silence) {
            event.text.clear();  // for the trace only
        }
        out.report(std::move(event));
    }

    SnNodeOptions options_;
    ReplicatedLog log_;
    Leadership leadership_;
    Leases leases_;
    std::map<NodeId, Peer> peers_;  ///< all that were heard of since the start, gone ones too
    MergeReports reports_;
    RoundMotions motions_;
    struct Push {
        NodeId after;          ///< the member that was told last
        std::size_t left = 0;  ///< to be told after it, in the order of ids and around
    };
    /// What members are told.
    struct Views {
        SentLists lists;
        std::map<std::string, Push> pushes;  ///< of new views, by contract
    };
    Views views_;
    /// What comes before this SN starts, and what follows from it.
    struct Beginning {
        OriginalCheck original;
        StateTransfer transfer;                      ///< before this SN starts
        OlderRecords older;                          ///< afterwards
        KeptSnapshots kept;                          ///< for others that join
        std::map<NodeId, PartAllowance> allowances;  ///< of others, on their connections
    };
    Beginning state_;
    ReadIndexes reads_;
    ServerDialler dialler_;
    MembershipClaims claims_;
    RemovedServers removed_;
    std::vector<Removal> removals_;  ///< wanted by tools, not carried out yet
    struct Signers {
        PinnedNames pins;    ///< the CA of each name
        EntryShares shares;  ///< what each may have written
    };
    Signers signers_;
    struct Lines {
        LogInterval shares;    ///< a signer has more written than its share
        LogInterval refusals;  ///< the leader refuses what this SN would not
    };
    Lines lines_;
    SnStatus status_{status_timer};
    SwarmTime now_{};       ///< of the current step
    SwarmTime started_{};   ///< of start(): after the check for a copied disk
    bool stopped_ = false;  ///< it ends: steps settle nothing any more
};

}  // namespace starling
