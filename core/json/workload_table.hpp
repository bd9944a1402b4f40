#pragma once

#include <string>

#include "core/base/result.hpp"

namespace starling {

/// What a training program costs on the machine where it was measured, in seconds.
struct MeasuredWorkload {
    double seconds_per_batch = 0.0;
    double p10 = 0.0;  ///< of a batch in the intervals between two syncs
    double p90 = 0.0;
    double startup_seconds = 0.0;  ///< from its start to its first request
    /// Standard deviation of the logarithm of the time between two syncs.
    double spread = 0.0;
};

/// Its row in a calibration table: {"seconds_per_batch": 0.01, ...}.
std::string row_text(const MeasuredWorkload& measured);

/// `table` is the text of a calibration table (sim/calibration.hpp) or empty; returns it with the
/// row of this workload set, everything else kept. Errc::malformed.
Result<std::string> with_workload(const std::string& table, const std::string& workload,
                                  const MeasuredWorkload& measured);

}  // namespace starling
