#pragma once

#include <span>

#include "options/flag_table.hpp"

namespace starling {

// Flags and variables of HPE Swarm Learning that have no effect here or are not possible, with the
// reason, so that a command line written for it says what becomes of it. Those that work stand in
// node_flags.cpp.

std::span<const Flag> hpe_common_flags();
std::span<const Flag> hpe_sn_flags();
std::span<const Flag> hpe_sl_flags();
std::span<const Variable> hpe_variables();

}  // namespace starling
