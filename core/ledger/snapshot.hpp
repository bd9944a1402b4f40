#pragma once

#include "core/ledger/server_history.hpp"
#include "core/ledger/term_runs.hpp"

namespace starling {

/// What the records up to one of them have led to, whole: an SN that has it needs none of them to
/// continue. All SNs that apply the same records make the same bytes.
struct LedgerSnapshot {
    Digest link;               ///< of the last record: see chain_link()
    std::int64_t time_ns = 0;  ///< the newest time of an entry, in ledger time
    TermRuns terms;            ///< of all records
    ServerHistory servers;
    Ledger ledger;
    std::uint64_t encoded_bytes = 0;

    /// Of the last record.
    std::uint64_t index() const { return terms.last(); }
    std::uint64_t term() const { return terms.term_of(index()); }
};

/// The parts of a snapshot where they are, so that none is copied.
struct SnapshotParts {
    const Digest& link;
    std::int64_t time_ns = 0;
    const TermRuns& terms;
    const ServerHistory& servers;
    const Ledger& ledger;
};

/// The bytes of a snapshot: see wire/FORMAT.md. The last 32 are SHA-256 over those before.
Bytes encode_snapshot(const Hasher& hasher, const SnapshotParts& parts);
/// Errc::malformed: it is damaged, or no snapshot. Errc::unknown_version: of another version of
/// this program.
Result<LedgerSnapshot> decode_snapshot(const Hasher& hasher, ByteView bytes);

/// Where in a ledger's history a snapshot stands.
struct SnapshotHead {
    std::uint64_t index = 0;  ///< of the last record
    Digest link;              ///< of the last record
};
/// Reads no more than that, once the checksum is verified. Errors as of decode_snapshot().
Result<SnapshotHead> decode_snapshot_head(const Hasher& hasher, ByteView bytes);

/// When to make a snapshot. A function of the records alone, so that all SNs make them at the same
/// ones. It follows a number of records, and at least four times the bytes of the snapshot before:
/// so with many members, too, an SN writes little more than without snapshots.
class SnapshotSchedule {
public:
    /// \param interval  records between two snapshots; 0: none is made.
    explicit SnapshotSchedule(std::uint64_t interval) : interval_(interval) {}

    /// Counts a record. \return  whether a snapshot is due behind it
    bool count(const LogRecord& record) {
        ++records_;
        bytes_ += record.data.size();
        return interval_ > 0 && records_ >= interval_ && bytes_ >= 4 * snapshot_bytes_;
    }
    /// A snapshot has been made of the records so far.
    void restart(std::uint64_t snapshot_bytes) {
        records_ = 0;
        bytes_ = 0;
        snapshot_bytes_ = snapshot_bytes;
    }

private:
    std::uint64_t interval_;
    std::uint64_t records_ = 0;  ///< since the newest snapshot
    std::uint64_t bytes_ = 0;    ///< of them
    std::uint64_t snapshot_bytes_ = 0;
};

}  // namespace starling
