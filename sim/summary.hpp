#pragma once

#include <cstdint>
#include <string>

#include "sim/simulation.hpp"

namespace starling {

/// Nodes with a line in the summary. Of failed ones, at most 20.
enum class NodeLines : std::uint8_t { all, failed };

/// Human-readable: rounds, times, bytes, final digest, and how nodes ended.
std::string summary_text(const SimOutcome& outcome, NodeLines lines = NodeLines::all);
/// The same as one JSON object; times in seconds, bytes as integers.
std::string summary_json(const SimOutcome& outcome, std::uint64_t seed);

}  // namespace starling
