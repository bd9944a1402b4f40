#pragma once

#include "deploy/swci/swci_options.hpp"

namespace starling {

/// Executes the command of the options, or those of standard input, one per line. Prints answers to
/// standard output and errors to standard error.
/// \return  the exit code of the (last) command, or the error of a certificate that can't be used.
Result<int> run_swci(const SwciOptions& options);

}  // namespace starling
