#include "core/ml/state_slots.hpp"

#include "core/ml/state_choice.hpp"

namespace starling {

void StateSlots::keep(KeptState state, SyncRequest request, Outbox& out) {
    waiting_ = std::move(request);
    out.start_work(keep_work, KeepStateWork{free_slot(), std::move(state)});
}

SyncRequest StateSlots::kept() {
    filled_ = true;
    SyncRequest request = std::move(*waiting_);
    waiting_.reset();
    return request;
}

void StateSlots::round_committed() {
    if (std::exchange(filled_, false)) {
        needed_ = free_slot();
    }
}

std::optional<ProgramSnapshot> StateSlots::take(const std::string& contract, Run run,
                                                const Digest& layout, Round round, Outbox& out) {
    KeptStates kept = std::exchange(kept_, {});
    if (!kept[0] && !kept[1]) {
        return std::nullopt;
    }
    const StateChoice choice = choose_state(kept, contract, run, layout, round);
    if (choice.slot) {
        needed_ = *choice.slot;
        return std::move(kept[*choice.slot]->program);
    }
    forget(out);
    out.report(TraceEvent("state_not_used")
                   .with("round", round)
                   .log(Level::info, "SwarmCallback",
                        "The state of an earlier start is not used: " + choice.reason +
                            ". Training begins at the first batch"));
    return std::nullopt;
}

void StateSlots::forget(Outbox& out) {
    forgetting_ = true;
    out.start_work(forget_work, ForgetStatesWork{});
}

}  // namespace starling
