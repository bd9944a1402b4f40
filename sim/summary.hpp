#pragma once

#include <string>

#include "sim/simulation.hpp"

namespace starling {

/// For people: rounds, times, bytes, final digest, and how each node ended.
std::string summary_text(const SimOutcome& outcome);
/// The same for machines, one JSON object; times in seconds, bytes as integers.
std::string summary_json(const SimOutcome& outcome, std::uint64_t seed);

}  // namespace starling
