#include "core/ml/sync_until.hpp"

#include <array>

#include "core/base/choice.hpp"

namespace starling {

std::string_view to_string(SyncUntil until) {
    return until == SyncUntil::commit ? "commit" : "merge";
}

Result<SyncUntil> parse_sync_until(std::string_view text) {
    return parse_choice(text, std::array{SyncUntil::commit, SyncUntil::merge},
                        "does not say until when a sync waits");
}

}  // namespace starling
