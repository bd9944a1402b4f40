#pragma once

#include <filesystem>
#include <functional>

#include "core/base/hasher.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Reads the records of a ledger file in order, from a private copy: the evidence is not changed,
/// and its SN may be running. `take` gets index, bytes and link of each; its first error ends the
/// reading and is returned. Errc::io: no such file, no ledger, another format, or no
/// space for a copy.
Result<void> read_ledger_copy(
    const std::filesystem::path& file,
    const std::function<Result<void>(std::uint64_t, ByteView, const Digest&)>& take);

}  // namespace starling
