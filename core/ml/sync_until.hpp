#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace starling {

/// How long a program waits in a sync: until the merged model of the round is committed, or until
/// it is merged. Then the program trains on while the members store and report the model and the
/// SNs commit it, and its next sync waits for that. If another model is committed instead, since
/// members were lost or joined meanwhile, or one has sent false segments, the program gets that one
/// at its next sync, and what it has trained since the last one is lost.
enum class SyncUntil { commit, merge };

std::string_view to_string(SyncUntil until);
Result<SyncUntil> parse_sync_until(std::string_view text);

}  // namespace starling
