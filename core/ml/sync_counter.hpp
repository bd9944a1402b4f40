#pragma once

#include <cstdint>

#include "core/node/work.hpp"

namespace starling {

/// Where a program's loops are and when they sync: the rule that SwarmCallback and modelled
/// training share. A sync is due when sync_frequency batches are counted since the last one, over
/// the borders of epochs; every sync restarts the count. The sync of an epoch's last batch comes
/// before end_epoch(), so its position still counts that batch in the epoch. The end of training is
/// a sync of its own, also where a sync was due at the last batch.
class SyncCounter {
public:
    /// \param sync_frequency  batches between syncs, >= 1.
    explicit SyncCounter(std::uint32_t sync_frequency) : sync_frequency_(sync_frequency) {}

    /// Batches are done. \return  a sync is due; it stays so until synced().
    bool count(std::uint64_t batches) {
        since_sync_ += batches;
        position_.batches_done += batches;
        return until_sync() == 0;
    }
    void end_epoch() { position_ = {position_.epochs_done + 1, 0}; }
    /// A sync is over, whether it was due or at the begin or end of training.
    void synced() { since_sync_ = 0; }
    /// An earlier start of the program had come so far.
    void resume(const TrainingPosition& position) { position_ = position; }

    const TrainingPosition& position() const { return position_; }
    std::uint64_t since_sync() const { return since_sync_; }  ///< batches
    std::uint64_t until_sync() const {
        return since_sync_ < sync_frequency_ ? sync_frequency_ - since_sync_ : 0;
    }

private:
    std::uint64_t since_sync_ = 0;
    TrainingPosition position_;
    std::uint32_t sync_frequency_;
};

}  // namespace starling
