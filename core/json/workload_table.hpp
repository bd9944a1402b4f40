#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// What a training program costs on the machine where it was measured, in seconds.
struct MeasuredWorkload {
    double seconds_per_batch = 0.0;  ///< median over the intervals between two syncs
    /// Of a batch in these intervals, by tenths: the first is the shortest, the last the longest.
    std::vector<double> quantiles;
    double startup_seconds = 0.0;  ///< from its start to its first request
};

/// Its row in a calibration table: {"seconds_per_batch": 0.01, ...}.
std::string row_text(const MeasuredWorkload& measured);

/// `table` is the text of a calibration table (sim/calibration.hpp) or empty; returns it with the
/// row of this workload set, everything else kept. Errc::malformed.
Result<std::string> with_workload(const std::string& table, const std::string& workload,
                                  const MeasuredWorkload& measured);

}  // namespace starling
