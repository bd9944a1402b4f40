#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/board/run_model.hpp"
#include "core/runs/run_record.hpp"

namespace starling {

/// A simulation's record as far as it is known before it starts.
/// \param command  the process's arguments, the program first
/// \param files  inputs by what they are ("platform" -> path): their names and the digests of their
/// contents are recorded; an empty path is left out
RunRecord record_of_simulation(const std::vector<std::string>& command, std::uint64_t seed,
                               std::map<std::string, std::string> configuration,
                               const std::map<std::string, std::string>& files);

/// Adds what came out, and writes it into `folder`. Errc::io names the file; Errc::too_large: see
/// take_results().
Result<void> write_simulation(RunRecord record, const RunModel& model, const std::string& folder);

}  // namespace starling
