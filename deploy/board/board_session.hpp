#pragma once

#include "deploy/board/board_options.hpp"

namespace starling {

/// Writes the page, or serves it until SIGINT or SIGTERM. \return the exit code, or an error of the
/// files, the certificate or the port
Result<int> run_board(const BoardOptions& options);

}  // namespace starling
