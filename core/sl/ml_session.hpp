#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/node/outbox.hpp"
#include "core/sl/committed_model.hpp"

namespace starling {

/// The session with the ML program: which ML node has opened it, the model's layout, and the sync
/// that is on. In a sync the ML sends its parameters, which then wait until a committed model
/// answers them.
class MlSession {
public:
    explicit MlSession(NodeId sl) : sl_(std::move(sl)) {}

    void on_up(const NodeId& ml);
    void on_disconnected(const NodeId& ml) { connected_.erase(ml); }
    bool is_connected(const NodeId& node) const { return connected_.contains(node); }
    /// Connected, and no session is open yet.
    bool is_early(const NodeId& node) const { return early_ == node; }
    bool is_of_session(const NodeId& node) const { return session_ && session_->ml == node; }

    bool is_open() const { return session_.has_value(); }
    /// The ML node of the session; without a name: it is gone. \pre is_open()
    const NodeId& ml() const { return session_->ml; }
    /// What the ML asked for. \pre is_open()
    const OpenSession& request() const { return session_->open; }
    /// \pre is_open(), and open() returned no error
    const std::shared_ptr<const ParamLayout>& layout() const { return session_->layout; }
    /// The ML knows that it has joined. \pre is_open()
    bool has_joined() const { return session_->told; }

    /// Opens the session. Errc::malformed: its layout can't be used. \pre !is_open()
    Result<void> open(const NodeId& ml, const OpenSession& open, Outbox& out);
    /// To an ML node that wants to open a second session.
    void refuse(const NodeId& ml, Outbox& out) const;
    /// Tells the ML that it has joined. \pre is_open()
    void on_joined(Run run, Round round, Outbox& out);
    /// The ML node of the session, or the early one, has ended or is gone. \return its id
    NodeId take_gone();
    /// Tells the ML why the session can't go on.
    void tell_failed(const Error& error, Outbox& out) const;

    // A sync. \pre of all of these: is_open()
    void on_sync_begin(const SyncBegin& begin, Round round, Outbox& out);
    /// \return true: the parameters have come completely with this segment.
    bool on_segment(const MlSegment& segment, const Blob& body, Outbox& out);
    /// The parameters have come completely, and are not answered yet.
    bool waits() const { return sync_ && sync_->waiting; }
    /// Whether the ML has to be given this model, since it is another one than its newest.
    bool lacks(const CommittedModel& model) const { return session_->ml_has != model.commit.round; }
    // \pre of the following: waits()
    const CheckIn& check_in() const { return sync_->check_in; }
    const Segments& params() const { return sync_->params; }
    /// Says in the check-in whether the parameters hold NaN or infinity, and reports it.
    void check_finite(Round round, Outbox& out);
    /// The program has finished its training and others have not: what its next check-in and
    /// contribution are, by its end mode.
    void contribute_finished(const Segments& merged);
    /// Hands the model to the ML: the end of the sync.
    void answer(const CommittedModel& model, Outbox& out);

private:
    struct Session {
        NodeId ml;
        OpenSession open;
        std::shared_ptr<const ParamLayout> layout;
        bool told = false;            ///< the ML knows that it has joined
        std::optional<Round> ml_has;  ///< of the newest committed model that the ML was given
    };
    struct NonFiniteTensor {
        std::uint32_t segment = 0;
        std::string tensor;
    };
    struct Sync {
        std::uint64_t sequence = 0;
        CheckIn check_in;
        Segments params;
        std::uint32_t present = 0;                  ///< segments of params that have come
        bool waiting = false;                       ///< complete, and not answered yet
        std::optional<NonFiniteTensor> non_finite;  ///< of the first segment that holds such values
    };

    void look_for_non_finite(std::uint32_t segment);

    NodeId sl_;
    std::set<NodeId> connected_;   ///< ML nodes
    std::optional<NodeId> early_;  ///< of those, the newest, until a session is open
    std::optional<Session> session_;
    std::optional<Sync> sync_;
};

}  // namespace starling
