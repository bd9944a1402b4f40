#pragma once

#include <span>

#include "options/flag_table.hpp"

namespace starling {

// Flags and variables of HPE Swarm Learning that have no effect here or are not possible, with the
// reason, so that users of an existing command line learn what has changed. Those that work are in
// node_flags.cpp.

std::span<const Flag> hpe_common_flags();
std::span<const Flag> hpe_sn_flags();
std::span<const Flag> hpe_sl_flags();
std::span<const Variable> hpe_variables();

}  // namespace starling
