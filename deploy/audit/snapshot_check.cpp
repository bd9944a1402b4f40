#include "deploy/audit/snapshot_check.hpp"

namespace starling {

Result<void> compare_snapshot(const SnapshotFiles::Found& found, AuditedLedger& ledger) {
    const std::uint64_t index = ledger.audit->summary().records;
    for (const SnapshotFiles::Snapshot& snapshot : found.snapshots) {
        // Another link: left by an earlier ledger in this place. No SN starts from it.
        if (snapshot.head.index != index || snapshot.head.link != ledger.audit->summary().head) {
            continue;
        }
        if (snapshot.bytes != ledger.audit->make_snapshot()) {
            return Error{Errc::malformed, snapshot.file.string() +
                                              " differs from what the entries up to entry " +
                                              std::to_string(index) + " lead to"};
        }
        ledger.snapshots.push_back(index);
    }
    return {};
}

void note_snapshots_beyond(const SnapshotFiles::Found& found, AuditedLedger& ledger) {
    for (const SnapshotFiles::Snapshot& snapshot : found.snapshots) {
        if (snapshot.head.index > ledger.audit->summary().records) {
            ledger.snapshots_beyond.push_back(snapshot.head.index);
        }
    }
}

}  // namespace starling
