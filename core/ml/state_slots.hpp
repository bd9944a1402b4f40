#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/node/outbox.hpp"

namespace starling {

/// The two slots on disk for the program's state. A state is stored before this member reports its
/// round, thus before the round can be committed, into the slot that does not hold the state of the
/// newest committed round: whichever round is committed after a crash, one of the two slots matches
/// its model.
class StateSlots {
public:
    // Numbers of the work that this class starts.
    static constexpr std::uint64_t store_work = 2;
    static constexpr std::uint64_t remove_work = 3;

    /// \param found  what an earlier start has stored.
    explicit StateSlots(KeptStates found) {
        if (found[0] || found[1]) {
            found_ = std::make_unique<KeptStates>(std::move(found));
        }
    }

    /// Starts to store `state`.
    void store(KeptState state, Outbox& out);
    bool is_storing() const { return storing_; }
    /// The state is durable.
    void on_stored();
    /// A round is committed; the state stored since the round before, if any, is that of its model.
    /// \pre  !is_storing()
    void on_round_committed();

    /// The state of an earlier start, if it matches the committed model of `round`. One that does
    /// not is removed, since it could be taken for this training's state in a later round.
    std::optional<ProgramSnapshot> take(const std::string& contract, Run run, const Digest& layout,
                                        Round round, Outbox& out);

    /// Starts to remove the states in both slots.
    void remove_all(Outbox& out);
    void on_removed() { removing_ = false; }
    bool is_removing() const { return removing_; }

private:
    std::uint32_t free_slot() const { return committed_slot_ ? 1 - *committed_slot_ : 0; }

    std::unique_ptr<KeptStates> found_;  ///< by the constructor; until take(); nothing: none
    std::optional<std::uint32_t>
        committed_slot_;    ///< holds the state of the newest committed round
    bool storing_ = false;  ///< in free_slot()
    bool stored_ = false;   ///< free_slot() holds the state of the current sync
    bool removing_ = false;
};

}  // namespace starling
