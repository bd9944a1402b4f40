#pragma once

#include <memory>
#include <optional>

#include "core/node/outbox.hpp"

namespace starling {

/// Carries the parameters of one sync to the SL, and the merged ones of its round back. One at a
/// time: the program waits meanwhile.
class ParameterSync {
public:
    /// The merged parameters of a round.
    struct Merged {
        SyncDone done;
        Segments params;
        std::uint32_t present = 0;  ///< of the segments
    };

    /// Frees each segment once it is sent, so that sent and merged parameters are never in memory
    /// at the same time.
    ///
    /// \param stores_state  the program's state is being stored; on_state_stored() follows
    void send(const NodeId& sl, SyncRequest request, bool stores_state, Outbox& out);
    /// Tells the SL, which reports nothing before. \pre  send()
    void on_state_stored(const NodeId& sl, Outbox& out) const;
    /// The merged parameters follow as segments.
    /// \return  false: they are not awaited.
    bool begin_merged(const SyncDone& done);
    /// \return  false, and dropped: of another sync, a wrong index or size, or a duplicate.
    bool add_merged(const MlSegment& segment, const Blob& body);
    bool is_complete() const { return incoming_ && incoming_->present == incoming_->params.size(); }
    /// Ends the sync.
    /// \pre  is_complete()
    Merged take_merged();
    /// Nothing is awaited any more.
    void cancel();

    /// Number of the next sync, from 0.
    std::uint64_t next_sequence() const { return next_sequence_; }
    Round next_round() const { return next_round_; }  ///< that the next parameters are for

private:
    std::uint64_t next_sequence_ = 0;
    Round next_round_ = 0;
    std::uint64_t model_bytes_ = 0;         ///< what was sent; as much comes back
    std::uint64_t segment_bytes_ = 0;       ///< of the first segment; the last one may be shorter
    std::optional<std::uint64_t> awaited_;  ///< number of the sync that the SL has not answered yet
    std::unique_ptr<Merged> incoming_;      ///< nothing, most of the time
};

}  // namespace starling
