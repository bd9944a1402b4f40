#pragma once

#include <span>

#include "options/flag_table.hpp"

namespace starling {

// The tables of the nodes' command lines. A new flag is a row here and a line in node_options.cpp.

const Program& run_sn_program();
std::span<const Flag> run_sn_flags();
const Program& run_sl_program();
std::span<const Flag> run_sl_flags();

const Program& run_apls_program();
std::span<const Flag> run_apls_flags();

}  // namespace starling
