#pragma once

#include <string>

#include "core/base/result.hpp"
#include "options/node_options.hpp"

namespace starling {

// What `run-apls --make-key` and `run-apls --issue` do. Both return lines for the user; errors name
// the flag or the file. Nothing that is there is written over.

Result<std::string> make_issuer_keys(const AplsOptions& options);

/// \param today  as "2026-11-30": the first day if --from is missing.
Result<std::string> issue_licence(const AplsOptions& options, const std::string& today);

}  // namespace starling
