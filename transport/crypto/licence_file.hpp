#pragma once

#include <string>

#include "core/licence/licence.hpp"

namespace starling {

/// Reads the licence of --licence and verifies it with the public key of --licence-key. Errors name
/// flag and file. Errc::io: a file can't be read. Errc::refused: it is no licence, its signature is
/// not by this key, or it is issued to another licence server than `server`.
Result<Licence> load_licence(const std::string& licence_file, const std::string& key_file,
                             const NodeId& server);

/// Reads a whole text file of at most 64 KiB. Errc::io; the message begins with `flag` and the
/// file.
Result<std::string> read_small_file(const std::string& flag, const std::string& file);

}  // namespace starling
