#pragma once

#include <string>

#include "core/base/result.hpp"

namespace starling {

enum class FileMode : unsigned {
    secret = 0600,    ///< keys
    readable = 0644,  ///< certificates
};

/// Writes a file atomically and durably (temporary file, fsync, rename). Errc::io names the file.
Result<void> write_file(const std::string& path, const std::string& text, FileMode mode);

/// Errc::io names the file.
Result<std::string> read_file(const std::string& path);

/// Makes a directory and its parents. Errc::io names it. `secret`: mode 0700.
Result<void> make_directory(const std::string& path, bool secret = false);

/// (Re)makes OpenSSL's hash links in a directory, HASH.N for each certificate and HASH.rN for each
/// revocation list in a *.pem file, so that `openssl verify -CApath` finds them. Links without a
/// file are removed.
Result<void> link_hashes(const std::string& directory);

}  // namespace starling
