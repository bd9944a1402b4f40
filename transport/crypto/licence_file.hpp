#pragma once

#include <string>

#include "core/licence/licence.hpp"

namespace starling {

/// Reads --licence with the public key of --licence-key, for the licence server `server`. Errors
/// name flag and file: Errc::io, one can't be read; Errc::refused, it is no licence, is signed by
/// somebody else, was changed, or is made out to another server.
Result<Licence> load_licence(const std::string& licence_file, const std::string& key_file,
                             const NodeId& server);

/// The whole of a text file of at most 64 KiB. Errc::io begins with `flag` and the file.
Result<std::string> read_small_file(const std::string& flag, const std::string& file);

}  // namespace starling
