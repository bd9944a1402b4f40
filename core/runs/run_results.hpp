#pragma once

#include "core/board/run_model.hpp"
#include "core/runs/run_record.hpp"

namespace starling {

/// Fills results, series and, of a recorded run, the start of `record` from the picture of the run:
/// the newest run of a contract that the events are about. Series of members whose name is no
/// is_member_name() are left out.
void take_results(const RunModel& run, RunRecord& record);

}  // namespace starling
