#pragma once

#include <string>

#include "sim/simulation.hpp"

namespace starling {

/// Human-readable: rounds, times, bytes, final digest, and how each node ended.
std::string summary_text(const SimOutcome& outcome);
/// The same as one JSON object; times in seconds, bytes as integers.
std::string summary_json(const SimOutcome& outcome, std::uint64_t seed);

}  // namespace starling
