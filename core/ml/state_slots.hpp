#pragma once

#include <optional>
#include <string>

#include "core/node/outbox.hpp"

namespace starling {

/// The two places where the state of the program is kept beside its SL's models. A state is written
/// before its round can end, into the slot that is not needed: whichever round is committed after a
/// crash, one of the two slots matches its model.
class StateSlots {
public:
    // Numbers of the work that this starts.
    static constexpr std::uint64_t keep_work = 2;
    static constexpr std::uint64_t forget_work = 3;

    /// \param kept  by an earlier start.
    explicit StateSlots(KeptStates kept) : kept_(std::move(kept)) {}

    /// Starts to write `state`; `request` waits until it is durable.
    void keep(KeptState state, SyncRequest request, Outbox& out);
    bool is_keeping() const { return waiting_.has_value(); }
    /// The state is durable: its request can go on.
    /// \pre  is_keeping()
    SyncRequest kept();
    /// The request that waits is not needed any more.
    void drop_request() { waiting_.reset(); }
    /// The round of the state that was kept last, if any since the round before, is committed.
    void round_committed();

    /// The state of an earlier start, if it matches the committed model of `round`. One that does
    /// not is removed, since in a later round it would be mistaken for this training's state.
    std::optional<ProgramSnapshot> take(const std::string& contract, Run run, const Digest& layout,
                                        Round round, Outbox& out);

    /// Starts to remove both.
    void forget(Outbox& out);
    void forgotten() { forgetting_ = false; }
    bool is_forgetting() const { return forgetting_; }

private:
    std::uint32_t free_slot() const { return needed_ ? 1 - *needed_ : 0; }

    KeptStates kept_;                      ///< until take()
    std::optional<std::uint32_t> needed_;  ///< the slot of the newest committed model we know
    std::optional<SyncRequest> waiting_;   ///< its state is being written to free_slot()
    bool filled_ = false;                  ///< free_slot() holds the state of the sync under way
    bool forgetting_ = false;
};

}  // namespace starling
