#pragma once

#include <optional>
#include <string>

#include "core/node/work.hpp"

namespace starling {

struct StateChoice {
    std::optional<std::uint32_t> slot;
    std::string reason;  ///< if there is no slot: why
};

/// Chooses the stored state from which training resumes with the model of `round`: the newest one
/// that is not of a later round. The model includes its parameters (unless that round was merged
/// without them), but not those of a later state.
/// \pre  at least one state is stored.
StateChoice choose_state(const KeptStates& kept, const std::string& contract, Run run,
                         const Digest& layout, Round round);

}  // namespace starling
