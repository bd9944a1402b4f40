#pragma once

#include <string>

#include "core/base/result.hpp"
#include "options/node_options.hpp"

namespace starling {

// The jobs of `run-apls --make-key` and `run-apls --issue`. Both return lines for the user; errors
// name the flag or the file. Existing files are never overwritten.

/// Writes PREFIX-key.pem and PREFIX-public.pem (Ed25519); PREFIX is `options.out`.
Result<std::string> make_issuer_keys(const AplsOptions& options);

/// Writes the signed licence that the options describe. Errc::usage: a value is missing or
/// impossible.
/// \param today  as "2026-11-30": the first day if --from is missing.
Result<std::string> issue_licence(const AplsOptions& options, const std::string& today);

}  // namespace starling
