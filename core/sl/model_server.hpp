#pragma once

#include <map>
#include <memory>
#include <optional>

#include "core/base/lazy_container.hpp"
#include "core/node/outbox.hpp"
#include "core/sl/committed_model.hpp"
#include "core/sl/served_segments.hpp"

namespace starling {

/// Holds the newest committed model and serves it to members that lack a segment of it, also for a
/// while after the end of the training.
class ModelServer {
public:
    /// \param linger  see SlNodeOptions
    explicit ModelServer(SwarmDuration linger) : linger_(linger) {}

    /// nullptr: there is none.
    const CommittedModel* model() const { return model_.get(); }
    /// Whether it is the model of the round before, in the same run.
    bool precedes(const RoundKey& key) const {
        return model_ && model_->key.contract == key.contract && model_->key.run == key.run &&
               model_->key.round + 1 == key.round;
    }
    bool is_final() const { return model_ && model_->commit.final; }
    /// Cancels what is queued of an older model, which nobody needs any more.
    void hold(CommittedModel model, Outbox& out);

    /// A model is on the disk: if it is the one that this holds, its segments there replace those
    /// in memory. Without segments: nothing.
    void on_stored(const KeptModel& stored);

    /// A connection was made or lost: what was queued on the one before may not have arrived.
    void on_connection_changed(const NodeId& peer) { served_.erase(peer); }
    /// \return false: the request is not for this model. Contributions are not served any more.
    bool on_fetch(SwarmTime now, const NodeId& from, const FetchSegments& fetch, Outbox& out);
    void on_probe(SwarmTime now, const NodeId& from, const FetchProbe& probe, Outbox& out);

    /// The training has ended: sets the linger_timer.
    void begin_linger(SwarmTime now, Outbox& out);
    /// When that is due. Stays while a member fetches the final model, but no longer than that
    /// takes on a slow link: one that asks for ever does not keep this node running.
    ///
    /// \param bytes  of a model
    /// \return true: the timer is set once more.
    bool lingers_on(SwarmTime now, std::uint64_t bytes, Outbox& out) const;

private:
    bool holds(const RoundKey& key) const { return model_ && model_->key == key; }

    SwarmDuration linger_;
    std::unique_ptr<CommittedModel> model_;
    /// Of model_, to each peer on its connection.
    LazyContainer<std::map<NodeId, ServedSegments>> served_;
    SwarmTime fetched_at_{};   ///< when somebody asked for a model last
    SwarmTime finished_at_{};  ///< when the training had ended here
};

}  // namespace starling
