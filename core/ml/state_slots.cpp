#include "core/ml/state_slots.hpp"

#include "core/ml/state_choice.hpp"

namespace starling {

void StateSlots::store(KeptState state, Outbox& out) {
    storing_ = true;
    out.start_work(store_work, KeepStateWork{free_slot(), std::move(state)});
}

void StateSlots::on_stored() {
    storing_ = false;
    stored_ = true;
}

void StateSlots::on_round_committed() {
    if (std::exchange(stored_, false)) {
        committed_slot_ = free_slot();
    }
}

std::optional<ProgramSnapshot> StateSlots::take(const std::string& contract, Run run,
                                                const Digest& layout, Round round, Outbox& out) {
    if (!found_) {
        return std::nullopt;
    }
    KeptStates found = std::move(*found_);
    found_.reset();
    const StateChoice choice = choose_state(found, contract, run, layout, round);
    if (choice.slot) {
        committed_slot_ = *choice.slot;
        return std::move(found[*choice.slot]->program);
    }
    remove_all(out);
    out.report(TraceEvent("state_not_used")
                   .with("round", round)
                   .log(Level::info, "SwarmCallback",
                        "The state of an earlier start is not used: " + choice.reason +
                            ". Training begins at the first batch"));
    return std::nullopt;
}

void StateSlots::remove_all(Outbox& out) {
    removing_ = true;
    out.start_work(remove_work, ForgetStatesWork{});
}

}  // namespace starling
