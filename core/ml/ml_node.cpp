#include "core/ml/ml_node.hpp"

#include "core/base/overloaded.hpp"
#include "core/ml/parameter_sync.hpp"
#include "core/ml/state_slots.hpp"
#include "core/node/outbox.hpp"

namespace starling {
namespace {

enum Timer : std::uint32_t { dial_timer = 1 };
constexpr std::uint64_t train_work = 1;  ///< StateSlots starts the others

/// The connection to this node's SL.
class SlLink {
public:
    void dial(const Address& address, Outbox& out) {
        dialling_ = true;
        out.connect(address, Role::sl);
    }
    void up(const PeerUp& up) {
        peer_ = up.peer;
        session_ = up.session;
        dialling_ = false;
    }
    void down() { peer_.reset(); }
    void dial_failed() { dialling_ = false; }

    bool is_dialling() const { return dialling_; }
    bool is_up() const { return peer_.has_value(); }
    bool is_to(const NodeId& node) const { return peer_ == node; }
    /// \pre  is_up()
    const NodeId& peer() const { return *peer_; }
    /// Of the start of the SL that was up last: tells this start of the program from others.
    std::uint64_t session() const { return session_; }

private:
    std::optional<NodeId> peer_;  ///< while connected
    std::uint64_t session_ = 0;
    bool dialling_ = false;
};

class MlNode final : public Node {
public:
    MlNode(MlNodeOptions options, const Hasher& hasher)
        : setup_{std::move(options.id), std::move(options.sl_address), options.sl_connect_limit,
                 options.keeps_state},
          hasher_(hasher),
          states_(std::move(options.kept)) {}

    const NodeId& id() const override { return setup_.id; }
    Role role() const override { return Role::ml; }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        Outbox out(effects);
        now_ = now;
        if (stopped_) {
            return;
        }
        if (leaving_) {
            leave_when_connected(input, out);
            return;
        }
        std::visit(Overloaded{
                       [&](const Started&) { start(out); },
                       [&](const PeerUp& up) { on_peer_up(up, out); },
                       [&](const PeerLost& lost) { on_peer_lost(lost, out); },
                       [&](const ConnectFailed& failed) { on_connect_failed(failed, out); },
                       [&](const FrameReceived& received) { on_frame(received, out); },
                       [&](const TimerDue&) { sl_.dial(setup_.sl_address, out); },
                       [&](const WorkDone& done) { on_work(done, out); },
                       [](const Arrivals&) {},
                       [&](const StopRequested& stop) {
                           leave({stop.code, stop.by_operator()
                                                 ? "stopped by the operator (" + stop.reason + ")"
                                                 : stop.reason},
                                 out);
                       },
                   },
                   input);
    }

private:
    static constexpr std::string_view component = "SwarmCallback";  ///< of log lines

    void start(Outbox& out);
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(const PeerLost& lost, Outbox& out);
    void on_connect_failed(const ConnectFailed& failed, Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    void on_sync_done(const SyncDone& done, Outbox& out);
    void on_round_committed(const SyncCommitted& committed, Outbox& out);
    void on_segment(const MlSegment& segment, const Blob& body, Outbox& out);
    void end_sync_if_complete(Outbox& out);
    void end_sync_if_committed(Outbox& out);
    void on_merged(ParameterSync::Merged merged, Outbox& out);
    void on_work(const WorkDone& done, Outbox& out);
    void on_open_request(OpenRequest request, Outbox& out);
    void on_sync_request(SyncRequest request, Outbox& out);
    void begin_sync(SyncRequest request, Outbox& out);
    void on_exit_request(const ExitRequest& request, Outbox& out);
    void send_open(Outbox& out);

    void store_state(ProgramSnapshot snapshot, Outbox& out);
    void on_state_work(std::uint64_t work, const KeptReply& kept, Outbox& out);

    /// Passes a reply to the waiting program.
    void resume(TrainReply reply, Outbox& out);
    /// The session is over: the program gets an error if it waits, else it is stopped where it is.
    void fail(Error error, Outbox& out);
    /// Ends after telling the SL. A connection that is being established is awaited: closing it
    /// before would look like a crash.
    void leave(const Error& why, Outbox& out);
    void leave_when_connected(const Input& input, Outbox& out);
    void finish(int code, Outbox& out);

    /// See MlNodeOptions, of which the states found take most memory.
    struct Setup {
        NodeId id;
        Address sl_address;
        SwarmDuration sl_connect_limit;
        bool keeps_state;
    };

    Setup setup_;
    const Hasher& hasher_;
    SwarmTime now_{};
    SwarmTime started_{};
    SlLink sl_;
    ParameterSync sync_;
    StateSlots states_;
    std::unique_ptr<OpenRequest> open_;  ///< what the program joins with, until the SL has answered
    ShortText contract_;
    std::shared_ptr<const ParamLayout> layout_;
    Digest layout_fingerprint_;
    // Nothing, most of the time.
    std::unique_ptr<ExitRequest> exit_;  ///< the program has ended, while its states are removed
    std::unique_ptr<Error> failed_;      ///< for the program's next request
    std::unique_ptr<Error> leaving_;     ///< only the message to the SL is left to be sent
    Run run_ = 0;
    bool warned_not_stored_ = false;  ///< that there is no storage for the program's state
    bool program_waits_ = false;
    bool final_received_ = false;
    bool stopped_ = false;
};

void MlNode::start(Outbox& out) {
    started_ = now_;
    sl_.dial(setup_.sl_address, out);
    program_waits_ = true;
    resume(BeginReply{}, out);
}

void MlNode::on_peer_up(const PeerUp& up, Outbox& out) {
    sl_.up(up);
    out.report(TraceEvent("sl_connected").with("sl", up.peer.name));
    send_open(out);
}

void MlNode::on_peer_lost(const PeerLost& lost, Outbox& out) {
    if (sl_.is_to(lost.peer)) {
        sl_.down();
        fail({Errc::unreachable, "SL node '" + lost.peer.name + "' was lost (" + lost.reason + ")"},
             out);
    }
}

void MlNode::on_connect_failed(const ConnectFailed& failed, Outbox& out) {
    sl_.dial_failed();
    if (failed.fatal || now_ - started_ >= setup_.sl_connect_limit) {
        fail({failed.error.code,
              "no SL node at " + to_string(setup_.sl_address) + ": " + failed.error.message},
             out);
        return;
    }
    out.set_timer(dial_timer, now_ + std::chrono::milliseconds(200));
}

void MlNode::on_frame(const FrameReceived& received, Outbox& out) {
    const Message& message = received.frame.message;
    if (!sl_.is_to(received.from)) {
        return;
    }
    if (std::holds_alternative<SessionOpened>(message)) {
        const auto& opened = std::get<SessionOpened>(message);
        if (program_waits_ && open_ && !failed_) {
            open_.reset();
            run_ = opened.run;
            resume(OpenedReply{opened.round, opened.min_peers}, out);
        }
    } else if (const auto* done = std::get_if<SyncDone>(&message)) {
        on_sync_done(*done, out);
    } else if (const auto* committed = std::get_if<SyncCommitted>(&message)) {
        on_round_committed(*committed, out);
    } else if (const auto* segment = std::get_if<MlSegment>(&message)) {
        on_segment(*segment, received.frame.body, out);
    } else if (const auto* failed = std::get_if<SessionFailed>(&message)) {
        fail({failed->code, failed->reason}, out);
    }
}

void MlNode::on_sync_done(const SyncDone& done, Outbox& out) {
    if (!sync_.begin_merged(done)) {
        out.report(TraceEvent("sync_done_ignored").with("round", done.round));
    }
}

void MlNode::on_round_committed(const SyncCommitted& committed, Outbox& out) {
    if (!sync_.on_committed(committed)) {
        out.report(TraceEvent("sync_done_ignored").with("round", sync_.next_round()));
    } else {
        end_sync_if_committed(out);
    }
}

/// The program has had the round's model for a while, and its next sync may wait for the commit.
void MlNode::end_sync_if_committed(Outbox& out) {
    if (states_.is_storing() || !sync_.commit_is_known()) {
        return;
    }
    const ParameterSync::Committed sync = sync_.end_committed();
    states_.on_round_committed();
    out.report(TraceEvent("sync_committed")
                   .with("session", sl_.session())
                   .with("round", sync.done.round)
                   .with("digest", to_string(sync.done.digest)));
    if (sync.next) {
        begin_sync(std::move(*sync.next), out);
    }
}

void MlNode::on_segment(const MlSegment& segment, const Blob& body, Outbox& out) {
    if (!sync_.add_merged(segment, body)) {
        out.report(TraceEvent("ml_segment_refused").with("index", segment.index));
    } else {
        end_sync_if_complete(out);
    }
}

/// A committed model may come while the state is still being stored: one that others have committed
/// without this member. The program's next state needs the slot of the one before. And it may come
/// while the program trains, in place of one that was not committed: it waits for the next sync.
void MlNode::end_sync_if_complete(Outbox& out) {
    const ParameterSync::Merged* merged = sync_.complete();
    if (merged != nullptr && program_waits_ && (!merged->done.committed || !states_.is_storing())) {
        on_merged(sync_.take_merged(), out);
    }
}

void MlNode::on_merged(ParameterSync::Merged merged, Outbox& out) {
    const SyncDone& done = merged.done;
    out.report(TraceEvent("sync_end")
                   .with("session", sl_.session())
                   .with("round", done.round)
                   .with("members", done.member_count)
                   .with("digest", to_string(done.digest))
                   .with("final", done.final ? 1U : 0U)
                   .with("committed", done.committed ? 1U : 0U)
                   .log(Level::info, component,
                        "Merge Done: round " + std::to_string(done.round) +
                            (done.final ? " (final)" : "") + ", " +
                            std::to_string(done.member_count) + " members, digest " +
                            short_text(done.digest) + (done.committed ? "" : "; being committed")));
    final_received_ = done.final;
    SyncedReply reply{done.round,
                      done.digest,
                      std::move(merged.params),
                      done.final,
                      std::move(merged.snapshot),
                      merged.replaced};
    if (!done.committed) {
        resume(std::move(reply), out);
        sync_.on_taken(sl_.peer(), out);
        return;
    }
    if (sync_.next_sequence() == 1) {
        reply.resumed = states_.take(contract_, run_, layout_fingerprint_, reply.round, out);
    }
    states_.on_round_committed();
    if (reply.final && setup_.keeps_state) {
        states_.remove_all(out);
    }
    resume(std::move(reply), out);
}

void MlNode::on_work(const WorkDone& done, Outbox& out) {
    if (const auto* kept = std::get_if<KeptReply>(&done.result)) {
        on_state_work(done.work, *kept, out);
        return;
    }
    const auto* request = std::get_if<TrainRequest>(&done.result);
    STARLING_INVARIANT(request != nullptr, "an ML node's work is training and keeping");
    program_waits_ = true;
    if (const auto* exit = std::get_if<ExitRequest>(request)) {
        on_exit_request(*exit, out);
    } else if (failed_) {
        resume(FailedReply{*failed_}, out);
    } else if (const auto* open = std::get_if<OpenRequest>(request)) {
        on_open_request(*open, out);
    } else {
        on_sync_request(std::get<SyncRequest>(*request), out);
    }
}

void MlNode::on_open_request(OpenRequest request, Outbox& out) {
    if (layout_) {
        resume(FailedReply{{Errc::program, "a program can open only one swarm session"}}, out);
        return;
    }
    layout_ = request.layout;
    layout_fingerprint_ = fingerprint(*layout_, hasher_);
    contract_ = request.contract;
    open_ = std::make_unique<OpenRequest>(std::move(request));
    send_open(out);
}

void MlNode::send_open(Outbox& out) {
    if (!sl_.is_up() || !open_) {
        return;
    }
    OpenSession open;
    open.contract = open_->contract;
    open.config = open_->config;
    open.config.layout_bytes = layout_->size_bytes();
    open.config.layout_fingerprint = layout_fingerprint_;
    open.layout_text = layout_->text();
    open.end_mode = open_->end_mode;
    out.send(sl_.peer(), std::move(open));
}

void MlNode::on_sync_request(SyncRequest request, Outbox& out) {
    if (!layout_ || size_bytes(request.params) != layout_->size_bytes() || !sl_.is_up()) {
        resume(FailedReply{{Errc::program,
                            "a sync without an open session or with different parameters"}},
               out);
        return;
    }
    const CheckIn& check_in = request.check_in;
    out.report(
        TraceEvent("sync_begin")
            .with("session", sl_.session())
            .with("sync", sync_.next_sequence())
            .with("batches", request.batches)
            .with("samples", check_in.samples)
            .with("epochs", check_in.epochs_done)
            .log(Level::info, component,
                 check_in.finished
                     ? "Finished local training. Final merging starts; waiting "
                       "for other peers to complete"
                     : "Starting Swarm merging round " + std::to_string(sync_.next_round())));
    if (sync_.awaits_commit()) {
        sync_.hold(std::move(request));
        end_sync_if_complete(out);
    } else {
        begin_sync(std::move(request), out);
    }
}

void MlNode::begin_sync(SyncRequest request, Outbox& out) {
    // The first sync brings the state of an earlier start, and the last one the final model.
    request.until_merge =
        request.until_merge && sync_.next_sequence() > 0 && !request.check_in.finished;
    const bool stores_state = request.snapshot && setup_.keeps_state;
    if (stores_state) {
        store_state(*request.snapshot, out);
    } else if (request.snapshot && !std::exchange(warned_not_stored_, true)) {
        out.report(
            TraceEvent("state_not_kept")
                .log(Level::info, component,
                     "No directory for the program's state (SWARM_STATE_DIR, set by run-sl): a "
                     "restart begins at the first batch"));
    }
    sync_.send(sl_.peer(), std::move(request), stores_state, out);
}

void MlNode::store_state(ProgramSnapshot snapshot, Outbox& out) {
    states_.store({contract_, run_, sync_.next_round(), layout_fingerprint_, std::move(snapshot)},
                  out);
}

void MlNode::on_state_work(std::uint64_t work, const KeptReply& kept, Outbox& out) {
    if (work == StateSlots::store_work && failed_) {
        return;  // the session has ended meanwhile
    }
    if (work == StateSlots::remove_work) {
        states_.on_removed();
    }
    if (kept.code != Errc::ok && final_received_) {
        out.report(TraceEvent("state_not_removed")
                       .log(Level::warning, component,
                            "The program's state is no longer needed, but can't be removed: " +
                                kept.reason));
    } else if (kept.code != Errc::ok) {
        const Error error{kept.code, "the program's state can't be stored: " + kept.reason};
        // At once: other members may wait for this one's report, and the program may take its time
        // until it ends.
        out.send(sl_.peer(), CloseSession{error.code, error.message});
        fail(error, out);
    } else if (work == StateSlots::store_work) {
        const Round after = sync_.next_round();
        out.report(
            TraceEvent("state_kept").with("round", sync_.awaits_commit() ? after - 1 : after));
        states_.on_stored();
        sync_.on_state_stored(sl_.peer(), out);
        end_sync_if_complete(out);
        end_sync_if_committed(out);
    }
    if (work == StateSlots::remove_work && exit_ && !stopped_) {
        on_exit_request(*exit_, out);
    }
}

void MlNode::on_exit_request(const ExitRequest& request, Outbox& out) {
    if (states_.is_removing()) {
        exit_ = std::make_unique<ExitRequest>(request);
        return;
    }
    Error why{request.code, request.reason};
    if (why.code == Errc::ok && !final_received_) {
        why = {Errc::program,
               "the training program ended before the swarm did: it must call on_train_end()"};
    }
    if (failed_) {
        why = *failed_;  // the program ends because it heard so
    }
    leave(why, out);
}

void MlNode::resume(TrainReply reply, Outbox& out) {
    STARLING_INVARIANT(program_waits_, "node and program take turns");
    program_waits_ = false;
    out.start_work(train_work, TrainWork{std::move(reply)});
}

void MlNode::fail(Error error, Outbox& out) {
    if (failed_ || final_received_) {
        return;  // after the final model the program only evaluates and saves
    }
    failed_ = std::make_unique<Error>(std::move(error));
    sync_.cancel();
    out.report(
        TraceEvent("session_failed")
            .with("code", static_cast<std::uint64_t>(failed_->code))
            .log(Level::error, component, "Swarm training has ended early: " + failed_->message));
    if (program_waits_) {
        resume(FailedReply{*failed_}, out);
    } else {
        // It is training, perhaps for long, and its result is not needed any more.
        finish(exit_code_of(failed_->code), out);
    }
}

void MlNode::leave(const Error& why, Outbox& out) {
    if (why.code != Errc::ok && !failed_) {
        out.report(TraceEvent("program_failed").log(Level::error, "ml", why.message));
    }
    if (!sl_.is_up() && sl_.is_dialling()) {
        leaving_ = std::make_unique<Error>(why);
        return;
    }
    if (sl_.is_up()) {
        out.send(sl_.peer(), CloseSession{why.code, why.message});
    }
    finish(exit_code_of(why.code), out);
}

void MlNode::leave_when_connected(const Input& input, Outbox& out) {
    if (const auto* up = std::get_if<PeerUp>(&input)) {
        out.send(up->peer, CloseSession{leaving_->code, leaving_->message});
    } else if (!std::holds_alternative<ConnectFailed>(input)) {
        return;
    }
    finish(exit_code_of(leaving_->code), out);
}

void MlNode::finish(int code, Outbox& out) {
    stopped_ = true;
    out.report(TraceEvent("node_stopped")
                   .with("session", sl_.session())
                   .with("code", static_cast<std::uint64_t>(code)));
    out.stop(code, failed_ ? failed_->message : "");
}

}  // namespace

std::unique_ptr<Node> make_ml_node(MlNodeOptions options, const Hasher& hasher) {
    return std::make_unique<MlNode>(std::move(options), hasher);
}

}  // namespace starling
