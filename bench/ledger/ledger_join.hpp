#pragma once

#include <filesystem>

#include "core/base/result.hpp"

namespace starling::bench {

/// An SN with an empty disk joins the SN that has the ledger in `directory`; both in this thread,
/// with frames handed over at once, and with their ledgers on the disk. Prints a line of JSON.
/// \param takes_state  false: it gets all records from the leader, as SNs without snapshots do.
Result<void> join(const std::filesystem::path& directory, bool takes_state);

}  // namespace starling::bench
