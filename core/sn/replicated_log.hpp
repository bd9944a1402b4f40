#pragma once

#include <memory>
#include <optional>

#include "core/ledger/ledger.hpp"
#include "core/ledger/snapshot.hpp"
#include "core/node/node.hpp"
#include "core/raft/raft_consensus.hpp"
#include "core/sn/applied_log.hpp"
#include "core/sn/log_history.hpp"
#include "core/sn/proposals.hpp"

namespace starling {

/// The ledger as this SN replicates it: the consensus on one order of records, the hash chain over
/// those that are applied, the state that they lead to, and the entries that are on their way.
class ReplicatedLog {
public:
    /// The intervals are in records.
    ReplicatedLog(RaftOptions options, const Hasher& hasher, std::uint64_t checkpoint_interval,
                  std::uint64_t snapshot_interval)
        : hasher_(hasher),
          applied_(hasher, checkpoint_interval),
          consensus_(make(std::move(options))),
          schedule_(snapshot_interval) {}
    ReplicatedLog(const ReplicatedLog&) = delete;
    ReplicatedLog& operator=(const ReplicatedLog&) = delete;

    Consensus& consensus() { return *consensus_; }
    const Consensus& consensus() const { return *consensus_; }
    const Ledger& ledger() const { return ledger_; }
    AppliedLog& applied() { return applied_; }
    const AppliedLog& applied() const { return applied_; }
    const Proposals& proposals() const { return proposals_; }
    LogHistory& history() { return history_; }
    const LogHistory& history() const { return history_; }

    /// Ledger time: resumes where an earlier start of this node, or another SN, left it.
    SwarmTime ledger_time(SwarmTime now) const { return now + offset_; }
    /// When that is, by the node's clock.
    SwarmTime node_time(SwarmTime ledger_time) const { return ledger_time - offset_; }

    /// This SN begins to lead: its time does not run behind the newest entry's.
    void begin_to_lead(SwarmTime now);
    void forget_proposals() { proposals_.clear(); }
    /// Whether the entry is to be proposed: false if it is on its way already. Its time is set.
    bool prepare(Entry& entry, SwarmTime now);
    /// Offers a prepared and signed entry. Refused during a leadership transfer: nodes resend, and
    /// timers fire again.
    void propose(const Entry& entry, SwarmTime now, ConsensusOutput& output);
    Applied apply(const Entry& entry, std::uint64_t index);
    /// Begins where the records that the snapshot stands for have led to. \pre nothing is applied
    void begin_behind(const LedgerSnapshot& snapshot);
    SnapshotSchedule& schedule() { return schedule_; }
    /// \param servers  by the applied records
    Bytes make_snapshot(const ServerHistory& servers);

    /// When Raft wants to be woken, if that has changed; `due`: nothing, not at all.
    bool update_deadline(std::optional<SwarmTime>& due);
    void on_deadline() { armed_.reset(); }

private:
    std::unique_ptr<Consensus> make(RaftOptions options);

    const Hasher& hasher_;
    Ledger ledger_;       ///< what the entries of applied_ have led to
    AppliedLog applied_;  ///< never ahead of what consensus_ has committed
    std::unique_ptr<Consensus> consensus_;
    Proposals proposals_;  ///< after a step empty, unless this SN leads
    LogHistory history_;
    SnapshotSchedule schedule_;
    std::int64_t applied_ns_ = 0;  ///< the newest applied entry's ledger time
    SwarmDuration offset_{0};      ///< from the node's clock to ledger time; never falls
    /// The newest entry's ledger time, of those applied and proposed; never falls, so that entries'
    /// times don't either.
    std::int64_t last_entry_ns_ = 0;
    std::optional<SwarmTime> armed_;  ///< what Raft's timer is set to
};

}  // namespace starling
