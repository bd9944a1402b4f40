#include "core/ml/state_choice.hpp"

namespace starling {
namespace {

/// Empty: it can be used.
std::string why_not(const KeptState& state, const std::string& contract, Run run,
                    const Digest& layout, Round round) {
    if (state.contract != contract) {
        return "it is of contract '" + state.contract + "', and this is '" + contract + "'";
    }
    if (state.run != run) {
        return "it is of run " + std::to_string(state.run) + " of the contract, and this is run " +
               std::to_string(run);
    }
    if (state.layout != layout) {
        return "it is of a model with another layout";
    }
    if (state.round > round) {
        return "it is of round " + std::to_string(state.round) + ", and the swarm is at " +
               std::to_string(round);
    }
    return "";
}

}  // namespace

StateChoice choose_state(const KeptStates& kept, const std::string& contract, Run run,
                         const Digest& layout, Round round) {
    StateChoice choice;
    for (std::uint32_t slot = 0; slot < kept.size(); ++slot) {
        if (!kept[slot]) {
            continue;
        }
        const std::string reason = why_not(*kept[slot], contract, run, layout, round);
        if (!reason.empty()) {
            choice.reason = reason;
        } else if (!choice.slot || kept[slot]->round > kept[*choice.slot]->round) {
            choice.slot = slot;
        }
    }
    return choice;
}

}  // namespace starling
