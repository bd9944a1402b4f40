#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/heap_optional.hpp"
#include "core/base/node_set.hpp"
#include "core/node/outbox.hpp"
#include "core/sl/committed_model.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// The session with the ML program: which ML node has opened it, the model's layout, and the
/// current sync. A sync begins when the ML sends its parameters, and is complete when the ML has
/// been sent a committed model in return.
class MlSession {
public:
    void on_up(const NodeId& ml);
    void on_disconnected(const NodeId& ml) { connected_.erase(ml); }
    bool is_connected(const NodeId& node) const { return connected_.contains(node); }
    /// Connected, and no session is open yet.
    bool is_early(const NodeId& node) const { return early_ && *early_ == node; }
    bool is_of_session(const NodeId& node) const { return session_ && session_->ml == node; }

    bool is_open() const { return session_ != nullptr; }
    /// The ML node of the session; without a name: it has disconnected. \pre is_open()
    const NodeId& ml() const { return session_->ml; }
    /// The ML's request for the session, without its layout's text. \pre is_open()
    const OpenSession& request() const { return *session_->open; }
    /// \pre is_open(), and open() returned no error
    const std::shared_ptr<const ParamLayout>& layout() const { return session_->layout; }
    /// As the ML gave it. \pre as of layout()
    const std::string& layout_text() const {
        const std::string& text = session_->open->layout_text;
        return text.empty() ? session_->layout->text() : text;
    }
    /// The ML was told that it has joined the run. \pre is_open()
    bool has_joined() const { return session_->joined; }

    /// Opens the session. Errc::malformed: its layout can't be used. \pre !is_open()
    Result<void> open(const NodeId& ml, const OpenSession& open, SharedRounds& shared, Outbox& out);
    /// To an ML node that wants to open a second session with this SL.
    static void refuse(const NodeId& ml, const NodeId& sl, Outbox& out);
    /// Tells the ML that it has joined. \pre is_open()
    void on_joined(Run run, Round round, Outbox& out);
    /// The ML node of the session, or the early one, has ended or disconnected: forgets it.
    /// \return its id; without a name: there was none
    NodeId release_ml();
    /// Sends the ML the reason why the session fails.
    void send_failure(const Error& error, Outbox& out) const;

    // A sync. \pre of all of these: is_open()
    void on_sync_begin(const SyncBegin& begin, Round round, Outbox& out);
    /// \return true: the parameters have come completely with this segment.
    bool on_segment(const MlSegment& segment, const Blob& body, SharedRounds& shared, Outbox& out);
    void on_state_stored(const StateStored& stored);
    /// The program's state of the current sync is not durable yet.
    bool is_storing_state() const { return sync_ && sync_->stores_state; }
    /// The ML's parameters are complete, and it waits for the committed model, or has got a merged
    /// one and waits for its commit.
    bool is_waiting() const { return sync_ && sync_->waiting; }
    /// Whether the ML has not been sent this model yet.
    bool lacks(const CommittedModel& model) const {
        return session_->delivered_round != model.commit.round;
    }
    // \pre of the following: is_waiting()
    const CheckIn& check_in() const { return sync_->check_in; }
    const Segments& params() const { return sync_->params; }
    /// Sets in the check-in whether the parameters hold NaN or infinity, and reports it.
    void check_finite(Round round, Outbox& out);
    /// The program has finished its training and others have not: what its next check-in and
    /// contribution are, by its end mode.
    void contribute_finished(const Segments& merged);
    /// Whether the program does not wait for the commit of this round, and has not got its merged
    /// model yet.
    bool takes_uncommitted(Round round) const {
        return is_waiting() && sync_->until_merge && !sync_->given &&
               round >= session_->uncommitted_from;
    }
    /// The check-in is sent later: once the model is merged, or not soon enough.
    void delay_check_in() { sync_->delays_check_in = true; }
    bool delays_check_in() const { return sync_ != nullptr && sync_->delays_check_in; }
    /// Whether it was delayed, and is to be sent now.
    bool take_delayed_check_in() {
        return sync_ != nullptr && std::exchange(sync_->delays_check_in, false);
    }
    /// Sends the merged model of an attempt to the ML. The sync ends with its commit, or that of
    /// another one. \param merged  its round and digest, of as many members
    void give_uncommitted(SyncDone merged, const Segments& model, Outbox& out);
    /// Sends the model of the commit to the ML, unless it has got that before, which ends the sync.
    void complete_sync(const Commit& commit, const Segments& model, Outbox& out);

private:
    struct Session {
        NodeId ml;
        std::shared_ptr<const OpenSession> open;
        std::shared_ptr<const ParamLayout> layout;
        bool joined = false;                   ///< SessionOpened was sent
        std::optional<Round> delivered_round;  ///< of the newest model that the ML was sent
        /// Until this round programs wait for commits: an earlier model was not committed.
        Round uncommitted_from = 0;
    };
    struct NonFiniteTensor {
        std::uint32_t segment = 0;
        std::string tensor;
    };
    struct Sync {
        std::uint64_t sequence = 0;
        CheckIn check_in;
        Segments params;
        std::uint32_t present = 0;  ///< segments of params that have come
        bool waiting = false;       ///< params are complete
        bool stores_state = false;  ///< see is_storing_state()
        bool until_merge = false;   ///< see takes_uncommitted()
        bool delays_check_in = false;
        std::unique_ptr<SyncDone> given;  ///< by give_uncommitted(); nothing, most of the time
        /// Of the first segment that holds such values; nothing, most of the time.
        std::unique_ptr<NonFiniteTensor> non_finite;
    };

    void find_non_finite(std::uint32_t segment);
    void send_model(SyncDone done, const Segments& model, Outbox& out) const;

    NodeSet connected_;           ///< ML nodes
    HeapOptional<NodeId> early_;  ///< of those, the newest, until a session is open
    // In memory of their own, which is free without them.
    std::unique_ptr<Session> session_;
    std::unique_ptr<Sync> sync_;
};

}  // namespace starling
