#pragma once

#include <string>

#include "sim/scale_deployment.hpp"
#include "sim/simulation.hpp"

namespace starling {

/// What a run of thousands of nodes cost and moved, after summary_text(): CPU time and memory of
/// this process, messages, bytes, and whether segments were sent twice.
std::string scale_summary(const SimOutcome& outcome, const ScaleOptions& options);

}  // namespace starling
