#pragma once

#include "deploy/audit/audit_report.hpp"
#include "deploy/storage/snapshot_files.hpp"

namespace starling {

/// Compares the snapshot of the entries that the audit has taken so far, if there is one, with what
/// they lead to, and notes it in `ledger` if it equals that. Errc::malformed: it differs.
Result<void> compare_snapshot(const SnapshotFiles::Found& found, AuditedLedger& ledger);

/// Notes in `ledger`, which was read to its end, the snapshots of entries behind that.
void note_snapshots_beyond(const SnapshotFiles::Found& found, AuditedLedger& ledger);

}  // namespace starling
