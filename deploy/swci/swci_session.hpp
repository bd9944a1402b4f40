#pragma once

#include "deploy/swci/swci_options.hpp"

namespace starling {

/// Carries out the command of the options, or those of standard input, one a line. Prints answers
/// to standard output, what went wrong to standard error. \return the exit code of the (last)
/// command; the error of a certificate that can't be used.
Result<int> run_swci(const SwciOptions& options);

}  // namespace starling
