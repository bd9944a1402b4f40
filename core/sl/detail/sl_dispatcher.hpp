#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/node/log_interval.hpp"
#include "core/sl/catch_up.hpp"
#include "core/sl/ml_session.hpp"
#include "core/sl/model_server.hpp"
#include "core/sl/peer_links.hpp"
#include "core/sl/round_exchange.hpp"
#include "core/sl/run_membership.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sl/sn_link.hpp"
#include "core/sl/transfer_log.hpp"
#include "core/sl/view_lists.hpp"

namespace starling {

/// Passes each input to the collaborator whose business it is, and decides what follows from what
/// that one returns. Collaborators keep the state; they know neither this class nor each other.
///
/// One source file a counterpart: sl_from_sn.cpp for what the SN says (and sl_views.cpp for its
/// views of the contract), sl_from_ml.cpp for the ML and sl_from_peers.cpp for other SLs (and the
/// work on what they sent). sl_node.cpp begins and sorts, sl_end.cpp ends.
class SlNode final : public Node {
public:
    SlNode(SlNodeOptions options, const Hasher& hasher);

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::sl; }
    std::uint64_t session() const override { return options_.session; }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override;

private:
    // sl_node.cpp
    void start(Outbox& out);
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(const PeerLost& lost, Outbox& out);
    void on_connect_failed(const ConnectFailed& failed, Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    // These return false on a message that its sender may not send.
    bool on_frame_of_sn(const Message& message, Outbox& out);
    bool on_frame_of_peer(const FrameReceived& received, Outbox& out);
    bool on_frame_of_ml(const FrameReceived& received, Outbox& out);
    void on_arrivals(const Arrivals& arrivals);
    void on_timer(const TimerDue& due, Outbox& out);
    void on_tick(Outbox& out);
    int tick_interval_factor() const;
    std::optional<RunningTransfer> running_transfer() const;

    // sl_end.cpp
    void on_stop_requested(const StopRequested& request, Outbox& out);
    /// Ends as `why` says.
    void end(const NodeEnd& why, Outbox& out);
    /// The session can't go on: tells ML and SN, and stops once that is said.
    void fail(const Error& error, int code, Outbox& out);
    /// This start of the node can't go on, the next one may: without a goodbye, so that the swarm
    /// waits for it.
    void crash(const Error& error, int code, Outbox& out);
    void tell_end(const Error& error, int code, Outbox& out) const;
    /// Says goodbye to the SN, as far as there is something to leave and an SN, and stops.
    void leave(int code, const std::string& reason, Outbox& out);
    void stop(int code, const std::string& reason, Outbox& out);

    // sl_from_sn.cpp
    void submit_registration(Outbox& out);
    void submit(Command command, Outbox& out);
    void send_heartbeat(Outbox& out);
    void on_result(const CommandResult& result, Outbox& out);
    void on_heartbeat_answer(const CommandResult& answer, Outbox& out);
    void on_answer(const Command& command, const CommandResult& result, Outbox& out);
    void on_answer_again(const Command& command, const CommandResult& result, Outbox& out);
    void on_registered(const CommandResult& result, Outbox& out);
    void on_enrolled(const Enrol& enrol, const CommandResult& result, Outbox& out);
    void rejoin(const std::string& reason, Outbox& out);
    void on_roll_news(const RollNews& news, Outbox& out) const;

    // sl_views.cpp
    void note_later_view(const NodeId& from, const ContractView& view);
    void on_view_update(const ViewUpdate& update, Outbox& out);
    /// Reports that what the SN has sent is ignored. \param what  for people
    void refuse(TraceEvent event, const std::string& what, Outbox& out);
    void on_list_part(const MemberListPart& part, Outbox& out);
    void on_view(const ContractView& view, Outbox& out);
    void give_up_newest_view(const ContractView& earlier, Outbox& out);
    void drop_made_up_commits(Outbox& out);
    bool ends_early(const ContractView& view) const;
    void end_with_run(const std::string& reason, Outbox& out);
    void on_commit(const Commit& commit, Outbox& out);
    void catch_up_to(const Commit& commit, Outbox& out);
    bool holds_model_of(const Commit& commit) const;
    std::optional<CommittedModel> kept_model(const Commit& commit) const;
    void resume_from(CommittedModel model, const Segments& at_hand, Outbox& out);
    void forget_kept(const RoundKey& resumed);
    void check_in_again(Outbox& out);

    // sl_from_ml.cpp
    void on_open_session(const NodeId& from, const OpenSession& open, Outbox& out);
    void on_ml_segment(const MlSegment& segment, const Blob& body, Outbox& out);
    void check_in(Outbox& out);
    void submit_check_in(std::optional<EarlyMerge> merged, Outbox& out);
    bool delaying_pays() const;
    bool may_delay_check_in() const;
    void set_delay_timer(Outbox& out) const;
    void on_model_taken(Outbox& out);
    void end_delays(Outbox& out);
    void on_close_session(const CloseSession& close, Outbox& out);
    void on_ml_gone_early(const std::string& reason, int code, Outbox& out);
    void linger_on(Outbox& out);
    void leave_complete(Outbox& out);

    // sl_from_peers.cpp
    void begin_exchange(Outbox& out);
    void begin_early(Outbox& out);
    bool may_exchange(const RoundKey& key) const;
    ExchangeSetup attempt_among(const MemberList& members) const;
    void begin_attempt(ExchangeSetup setup, Outbox& out);
    void dial_partners(Outbox& out);
    void note_refusals(const ConnectFailed& failed, Outbox& out);
    void on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out);
    void on_segment(const NodeId& from, const SegmentData& data, const Blob& body, Outbox& out);
    void on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out);
    void on_probe_reply(const NodeId& from, const FetchProbeReply& reply, Outbox& out);
    void on_work(const WorkDone& done, Outbox& out);
    void send_results(Outbox& out);
    void send_delayed_check_in(Outbox& out);
    void on_fetched_hash(const SegmentDigests& hashed, Outbox& out);
    void keep_fetched(Outbox& out);
    void on_fetched_kept(const WorkId& work, const Segments& stored, Outbox& out);
    void name_false_merges(Round round, const Segments& agreed, Outbox& out);
    void on_fetched_model(const Segments& stored, Outbox& out);
    void name_non_finite(const std::vector<NodeId>& nodes, Outbox& out);
    void dial_source(Outbox& out);
    void check_catch_up(Outbox& out);

    SlNodeOptions options_;
    const Hasher& hasher_;
    SwarmTime now_{};                 ///< of the current step
    std::optional<int> ending_code_;  ///< set when only the goodbye to the SN is left
    int interval_factor_ = 1;         ///< see tick_interval_factor()
    bool stopped_ = false;            ///< the last effect was put out: inputs are ignored
    bool stop_once_saved_ = false;    ///< asked to stop after the end of the training

    SnLink sn_;
    ViewLists lists_;
    MlSession ml_;
    RunMembership run_;
    PeerLinks peers_;
    RoundExchange round_;
    CatchUp catch_up_;
    ModelServer models_;
    TransferLog transfers_;
    LogInterval refusals_;  ///< of what SNs say
};

}  // namespace starling
