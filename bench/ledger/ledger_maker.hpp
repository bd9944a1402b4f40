#pragma once

#include <map>
#include <memory>

#include "core/ledger/snapshot.hpp"
#include "deploy/storage/sqlite_store.hpp"

namespace starling::bench {

/// Writes the ledger that one SN would have after a long training of a few members, by the code
/// that an SN writes with, snapshots included. Nothing is signed: signatures are as long as real
/// ones, and zeros.
class LedgerMaker {
public:
    /// \param store  empty. It must outlive this.
    LedgerMaker(SqliteStore& store, int members, std::uint64_t snapshot_interval);

    /// One round: each member's check-in, the commit, and a checkpoint now and then.
    Result<void> add_round();
    /// Writes what add_round() has not written yet.
    Result<void> flush();
    std::uint64_t entries() const { return terms_.last(); }

    /// The snapshots made so far.
    struct Snapshots {
        std::uint64_t count = 0;
        std::uint64_t bytes = 0;    ///< of the newest
        double encode_seconds = 0;  ///< of all
        double save_seconds = 0;    ///< to have them on the disk
    };
    const Snapshots& snapshots() const { return snapshots_; }

private:
    Result<void> add(RecordKind kind, Bytes data);
    Result<void> make_snapshot();
    Result<void> add_entry(const NodeId& signer, Command command);

    SqliteStore& store_;
    Ledger ledger_;
    ServerHistory servers_;
    TermRuns terms_;
    SnapshotSchedule schedule_;
    Digest link_;
    std::int64_t time_ns_ = 0;
    std::vector<NodeId> members_;
    std::map<NodeId, std::uint64_t> sequences_;
    std::vector<Bytes> batch_;
    Round round_ = 0;
    Result<void> begun_;
    Snapshots snapshots_;
};

}  // namespace starling::bench
