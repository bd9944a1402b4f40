#pragma once

#include <memory>
#include <optional>

#include "core/node/outbox.hpp"

namespace starling {

/// Carries the parameters of one sync to the SL, and the merged ones of its round back. One at a
/// time: the next sync begins once the round is committed. A program that waits until its
/// parameters are merged only (SyncUntil) may ask for that one before: then it is held here.
class ParameterSync {
public:
    /// The merged parameters of a round.
    struct Merged {
        SyncDone done;
        Segments params;
        std::uint32_t present = 0;  ///< of the segments
        /// The program had others of this round, which were not committed, and waits in its next
        /// sync.
        bool replaced = false;
        std::optional<ProgramSnapshot> snapshot;  ///< if replaced: when its last sync began
    };
    /// A round whose merged parameters the program had before their commit.
    struct Committed {
        SyncDone done;
        std::unique_ptr<SyncRequest> next;  ///< nothing: the program is training
    };

    /// Frees each segment once it is sent, so that sent and merged parameters are never in memory
    /// at the same time. (The parameters of a next sync that waits for a commit are.)
    ///
    /// \param stores_state  the program's state is being stored; on_state_stored() follows
    void send(const NodeId& sl, SyncRequest request, bool stores_state, Outbox& out);
    /// Tells the SL, which reports nothing before. \pre  send()
    void on_state_stored(const NodeId& sl, Outbox& out) const;
    /// The merged parameters follow as segments. Another committed model than the one that the
    /// program has: drops what a next sync that waits would contribute.
    /// \return  false: they are not awaited, or not before their round is committed.
    bool begin_merged(const SyncDone& done);
    /// \return  false, and dropped: of another sync, a wrong index or size, or a duplicate.
    bool add_merged(const MlSegment& segment, const Blob& body);
    /// What has come, once it is complete; nullptr: not yet.
    const Merged* complete() const {
        const bool all = incoming_ && incoming_->present == incoming_->params.size();
        return all ? incoming_.get() : nullptr;
    }
    /// Ends the sync, if the round is committed.
    /// \pre  complete()
    Merged take_merged();

    // A sync until the merge, from take_merged() to its commit.
    /// The program has merged parameters; whether their round is committed is not known yet.
    bool awaits_commit() const { return until_merge_ && until_merge_->given; }
    /// Tells the SL that the program has them. \pre  awaits_commit()
    void on_taken(const NodeId& sl, Outbox& out) const;
    /// The program's next sync, which waits. \pre  awaits_commit()
    void hold(SyncRequest next);
    /// The round of the last take_merged() is committed.
    /// \return  false: that is not awaited.
    bool on_committed(const SyncCommitted& committed);
    bool commit_is_known() const { return until_merge_ && until_merge_->committed; }
    /// Ends the sync. \pre  commit_is_known()
    Committed end_committed();

    /// Nothing is awaited any more.
    void cancel();

    /// Number of the next sync, from 0.
    std::uint64_t next_sequence() const { return next_sequence_; }
    Round next_round() const { return next_round_; }  ///< that the next parameters are for

private:
    struct UntilMerge {
        std::optional<ProgramSnapshot> snapshot;  ///< of the program when the sync began
        std::optional<SyncDone> given;            ///< see awaits_commit()
        bool committed = false;                   ///< what `given` tells of
        std::unique_ptr<SyncRequest> next;        ///< by hold()
    };

    std::uint64_t next_sequence_ = 0;
    Round next_round_ = 0;
    std::uint64_t model_bytes_ = 0;         ///< what was sent; as much comes back
    std::uint64_t segment_bytes_ = 0;       ///< of the first segment; the last one may be shorter
    std::optional<std::uint64_t> awaited_;  ///< number of the sync that the SL has not answered yet
    // Nothing, most of the time.
    std::unique_ptr<Merged> incoming_;
    std::unique_ptr<UntilMerge> until_merge_;  ///< the sync is one until the merge
};

}  // namespace starling
