#pragma once

#include <cstdint>
#include <string>

#include "core/base/ids.hpp"

namespace starling {

/// When a start of a node was, by its session number: "2026-11-27 00:02:30 UTC". A number that is
/// no time, as in a simulation, is "start number 7".
std::string start_text(std::uint64_t session);

/// What an earlier start of `node` is told: who has its place, and that one of them must end.
std::string replaced_text(const NodeId& node, const std::string& address,
                          std::uint64_t newer_session);

}  // namespace starling
