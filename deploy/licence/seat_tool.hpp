#pragma once

#include "core/base/result.hpp"
#include "options/node_options.hpp"

namespace starling {

/// The jobs of `run-apls --list`, `--revoke` and `--allow`: sends the request to a licence server,
/// and prints the resulting state of its seats.
/// \return  an exit code; Errc::refused: the tool's certificate can't be used.
Result<int> run_seat_tool(const AplsOptions& options);

}  // namespace starling
