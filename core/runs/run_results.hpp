#pragma once

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"
#include "core/runs/run_record.hpp"

namespace starling {

/// For a picture that becomes a record: more rounds and values than a page can show.
constexpr RunModelLimits record_limits{.rounds = 20'000, .points = 150'000};

/// Fills results, series and, of a recorded run, the start of `record` from the picture of the run:
/// the newest run of a contract that the events are about. Series of members whose name is no
/// is_member_name() are left out. Errc::too_large: the picture has more text than its JSON may have
/// (json_bytes_max); `record` is as it was.
Result<void> take_results(const RunModel& run, RunRecord& record);

}  // namespace starling
