#pragma once

#include <span>
#include <string>

#include "core/runs/run_record.hpp"

namespace starling {

/// Recorded runs for people, as aligned columns; control characters are shown as '?'.
std::string runs_table(std::span<const RunRecord> runs);
std::string run_text(const RunRecord& run);
/// What differs: origin, configuration, results and the last values of the series. Empty: nothing.
std::string difference_text(const RunRecord& one, const RunRecord& other);

/// The same for programs: {"runs": [record without "series" ...], "errors": [text ...]}, and
/// {"runs": [id, id], "differences": {key: [value, value], ...}}, where null is "not set".
std::string runs_json(std::span<const RunRecord> runs, std::span<const std::string> errors);
std::string difference_json(const RunRecord& one, const RunRecord& other);

}  // namespace starling
