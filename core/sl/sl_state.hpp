#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/node/outbox.hpp"
#include "core/sl/exchange.hpp"
#include "core/sl/model_fetch.hpp"
#include "core/sl/sl_log.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sl/sl_timers.hpp"
#include "core/sl/sn_link.hpp"

namespace starling {

/// The SL node's memory and its reactions, one source file a counterpart: its SN (sl_sn_link.cpp),
/// its ML (sl_ml_link.cpp), the other members (sl_rounds.cpp). sl_node.cpp dispatches.
class SlNode final : public Node {
public:
    explicit SlNode(SlNodeOptions options)
        : options_(std::move(options)), sn_(sn_link_setup(options_)) {}

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::sl; }
    std::uint64_t session() const override { return options_.session; }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override;

private:
    struct Deviation {
        Round round = 0;
        Segments merged;
        std::vector<NodeId> owners;  ///< of each segment
    };
    /// Segments of committed models. Those of an exchange have its serial number.
    static constexpr SendGroup committed_group = ~SendGroup{0};
    /// Of a transfer that takes long: when it was logged last, and what had come by then.
    struct ShownTransfer {
        std::uint64_t number = 0;
        SwarmTime at{};
        std::uint64_t bytes = 0;
        SwarmDuration wait{};
    };
    /// The session with the ML program.
    struct Session {
        NodeId ml;
        OpenSession open;
        std::shared_ptr<const ParamLayout> layout;
        bool enrolled = false;
        bool told = false;  ///< the ML knows that it has joined
        Run run = 0;
        std::optional<Round> ml_has;  ///< of the newest committed model that the ML was given
    };
    struct NonFiniteTensor {
        std::uint32_t segment = 0;
        std::string tensor;
    };
    /// A sync of the ML: parameters coming in, or waiting for their round to be committed.
    struct Sync {
        std::uint64_t sequence = 0;
        CheckIn check_in;
        Segments params;
        std::uint32_t present = 0;
        bool waiting = false;                       ///< complete, and not answered yet
        std::optional<NonFiniteTensor> non_finite;  ///< of the first segment that holds such values
    };

    // sl_node.cpp
    void start(Outbox& out);
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(const PeerLost& lost, Outbox& out);
    void on_connect_failed(const ConnectFailed& failed, Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    /// These return false on a message that its sender may not send.
    bool on_frame_of_sn(const Message& message, Outbox& out);
    bool on_frame_of_peer(const FrameReceived& received, Outbox& out);
    bool on_frame_of_ml(const FrameReceived& received, Outbox& out);
    void on_timer(const TimerDue& due, Outbox& out);
    void on_stop_requested(const StopRequested& request, Outbox& out);
    /// The session can't go on: tells ML and SN, and stops once that is said.
    void fail(const Error& error, int code, Outbox& out);
    /// This start of the node can't go on, the next one may: without a goodbye, so that the swarm
    /// waits for it.
    void crash(const Error& error, int code, Outbox& out);
    void tell_end(const Error& error, int code, Outbox& out) const;
    /// Says goodbye to the SN, as far as there is something to leave and an SN, and stops.
    void leave(int code, const std::string& reason, Outbox& out);
    void stop(int code, const std::string& reason, Outbox& out);
    /// Ends as `why` says.
    void end(const NodeEnd& why, Outbox& out);

    // sl_sn_link.cpp
    static SnLinkSetup sn_link_setup(const SlNodeOptions& options);
    RegisterNode registration() const {
        return {Role::sl, options_.exchange_address, options_.signer->credentials()};
    }
    void note_later_view(const ViewUpdate& update);
    std::optional<Round> awaited_round() const;
    void submit(Command command, Outbox& out);
    void on_result(const CommandResult& result, Outbox& out);
    void on_heartbeat_answer(const CommandResult& answer, Outbox& out);
    void on_registered(const CommandResult& result, Outbox& out);
    void on_enrolled(const Enrol& enrol, const CommandResult& result, Outbox& out);
    void on_answer(const Command& command, const CommandResult& result, Outbox& out);
    void send_heartbeat(Outbox& out);
    void on_view(const ContractView& view, Outbox& out);
    void note_members(const ContractView& view);

    // sl_ml_link.cpp
    void on_open_session(const NodeId& from, const OpenSession& open, Outbox& out);
    void on_sync_begin(const SyncBegin& begin, Outbox& out);
    void on_ml_segment(const MlSegment& segment, const Blob& body, Outbox& out);
    void on_close_session(const CloseSession& close, Outbox& out);
    void on_ml_gone_early(const std::string& reason, int code, Outbox& out);
    void linger_on(Outbox& out);
    void leave_complete(Outbox& out);
    bool some_missed_the_end() const;
    void check_in(Outbox& out);
    void check_in_for_finished(Outbox& out);
    void answer_sync(const Commit& commit, Outbox& out);

    // sl_rounds.cpp
    RoundKey key_of(const ContractView& view) const;
    void begin_exchange(Outbox& out);
    void end_exchange(Outbox& out);
    void dial_partners(Outbox& out);
    void on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out);
    void serve_committed(const NodeId& to, const FetchSegments& fetch, Outbox& out);
    void on_segment(const NodeId& from, const SegmentData& data, const Blob& body, Outbox& out);
    void on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out);
    void on_probe_reply(const NodeId& from, const FetchProbeReply& reply, Outbox& out);
    void on_work(const WorkDone& done, Outbox& out);
    void hash_if_complete(Outbox& out);
    void on_commit(const Commit& commit, Outbox& out);
    void resume_from(CommittedModel model, Outbox& out);

    // sl_deviation.cpp
    /// \pre the attempt of exchange_ is the one that was committed, and merged_digest_ another
    void note_own_deviation(const Commit& commit, Outbox& out);
    void name_deviating_owners(Outbox& out);

    // sl_non_finite.cpp
    void check_own_segment(std::uint32_t segment);
    void report_own_non_finite(Outbox& out);
    void name_non_finite(const std::vector<NodeId>& nodes, Outbox& out);

    // sl_progress.cpp
    void on_arrivals(const Arrivals& arrivals);
    /// Now and then a log line about a transfer that takes long.
    void show_transfer(Outbox& out);

    // sl_refusals.cpp
    void on_no_way_to(const ConnectFailed& failed, Outbox& out);
    void note_refusals(const ConnectFailed& failed, const std::vector<RoundMember>& members,
                       Outbox& out);

    // sl_return.cpp
    void catch_up_to(const Commit& commit, Outbox& out);
    void dial_source(Outbox& out);
    void on_catch_up_segment(const NodeId& from, const SegmentData& data, const Blob& body,
                             Outbox& out);
    void on_catch_up_digest(const Digest& digest, Outbox& out);
    void on_catch_up_kept(const KeptReply& kept, Outbox& out);
    void check_catch_up(Outbox& out);
    void rejoin(const std::string& reason, Outbox& out);
    void check_in_again(Outbox& out);

    SlNodeOptions options_;
    SwarmTime now_{};
    bool stopped_ = false;
    std::optional<int> ending_code_;  ///< set when only the goodbye to the SN is left
    bool stop_once_saved_ = false;    ///< asked to stop after the end of the training

    SnLink sn_;
    std::set<NodeId> mls_;      ///< that are connected
    std::optional<NodeId> ml_;  ///< connected, and no session is open yet
    std::optional<Session> session_;
    std::optional<Sync> sync_;
    Round next_round_ = 0;  ///< the round that the next check-in is for
    std::optional<ContractView> view_;
    std::uint32_t last_checked_in_ = 0;

    std::set<NodeId> up_;  ///< SLs that are connected
    std::map<NodeId, Address> dialling_;
    std::set<NodeId> refused_by_;  ///< members that would not be talked to, the last time
    bool was_connected_with_member_ = false;  ///< with any member since the start
    std::set<NodeId> members_seen_;           ///< of this run's rounds
    std::unique_ptr<Exchange> exchange_;
    std::optional<CommittedModel> committed_;  ///< served to those who lack a segment of it
    std::map<NodeId, ServedSegments> served_committed_;
    SwarmTime fetched_at_{};   ///< when somebody asked for it last
    SwarmTime finished_at_{};  ///< when the training had ended here
    /// What this node merged a round to whose digest most others signed another one of, until
    /// theirs is here.
    std::optional<Deviation> deviation_;
    /// Rounds and members whose contribution was told of to the SN; of this round and the last.
    std::set<std::pair<Round, NodeId>> named_non_finite_;
    std::unique_ptr<ModelFetch> catch_up_;
    std::uint64_t catch_up_serial_ = 0;
    Attempt check_in_attempt_ = 0;  ///< that was on when the newest one was said
    SwarmTime checked_in_at_{};
    bool check_in_refused_ = false;  ///< the newest one: the round had gone on
    std::uint64_t exchange_serial_ = 0;
    ShownTransfer shown_transfer_;
    bool hashing_ = false;
    std::optional<Digest> merged_digest_;
    std::optional<MergeReport> report_;  ///< on the attempt of exchange_, once it is durable
    /// That of report_: the swarm may agree on it while this node is cut off and taken for lost.
    std::optional<KeptModel> reported_model_;
    KeptContributions kept_contributions_;
    RoundKey kept_round_;  ///< of those; the attempt counts for nothing
    /// Fetches for an attempt that the SN has not told us of yet: the newest of each peer and kind.
    std::map<std::pair<NodeId, SegmentKind>, FetchSegments> early_fetches_;
};

}  // namespace starling
