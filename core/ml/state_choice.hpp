#pragma once

#include <optional>
#include <string>

#include "core/node/work.hpp"

namespace starling {

struct StateChoice {
    std::optional<std::uint32_t> slot;
    std::string reason;  ///< why there is none
};

/// Chooses the kept state for the model of `round`: the newest one that is not of a later round.
/// Its parameters are part of the model (unless that round was merged without them), those of a
/// later state are not.
/// \pre  at least one is kept.
StateChoice choose_state(const KeptStates& kept, const std::string& contract, Run run,
                         const Digest& layout, Round round);

}  // namespace starling
