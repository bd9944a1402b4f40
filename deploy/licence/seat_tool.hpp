#pragma once

#include "core/base/result.hpp"
#include "options/node_options.hpp"

namespace starling {

/// What `run-apls --list`, `--revoke` and `--allow` do: ask a licence server, and print what it
/// says about seats afterwards. \return  an exit code; Errc::refused for the own certificate.
Result<int> run_seat_tool(const AplsOptions& options);

}  // namespace starling
