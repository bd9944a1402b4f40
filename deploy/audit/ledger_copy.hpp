#pragma once

#include <filesystem>
#include <functional>

#include "core/base/hasher.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Reads the records of a ledger in order: those in archive files, which never change, where they
/// are, and those in the ledger file from a private copy: the evidence is not changed, and its SN
/// may be running. `take` gets index, bytes and link of each; its first error ends the reading and
/// is returned. Errc::io: no such file, no ledger, another format, or no space for a copy.
/// Errc::malformed: an archive file is missing, damaged or of another ledger.
/// \param elsewhere  where archive files are, too, that are not beside the ledger; may be empty
Result<void> read_ledger_copy(
    const std::filesystem::path& file, const std::filesystem::path& elsewhere, const Hasher& hasher,
    const std::function<Result<void>(std::uint64_t, ByteView, const Digest&)>& take);

}  // namespace starling
