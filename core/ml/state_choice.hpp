#pragma once

#include <optional>
#include <string>

#include "core/node/work.hpp"

namespace starling {

struct StateChoice {
    std::optional<std::uint32_t> slot;
    std::string reason;  ///< why there is none
};

/// Which of the kept states goes with the model of `round`: the newest that is not of a later
/// round. That one's parameters are in the model, unless the swarm has gone on without them, and
/// those of a later state are not.
/// \pre  at least one is kept.
StateChoice choose_state(const KeptStates& kept, const std::string& contract, Run run,
                         const Digest& layout, Round round);

}  // namespace starling
