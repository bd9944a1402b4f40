#include "core/sn/replicated_log.hpp"

#include <algorithm>
#include <utility>

namespace starling {

std::unique_ptr<Consensus> ReplicatedLog::make(RaftOptions options) {
    options.may_vote = [this](const NodeId& node) { return ledger_.roll().may_vote(node); };
    return make_raft_consensus(std::move(options));
}

void ReplicatedLog::begin_to_lead(SwarmTime now) {
    proposals_.clear();
    offset_ = std::max(offset_, from_ns(last_entry_ns_) - now);
}

bool ReplicatedLog::prepare(Entry& entry, SwarmTime now) {
    if (!proposals_.add(entry)) {
        return false;
    }
    last_entry_ns_ = std::max(last_entry_ns_, to_ns(ledger_time(now)));
    entry.time_ns = last_entry_ns_;
    return true;
}

void ReplicatedLog::propose(const Entry& entry, SwarmTime now, ConsensusOutput& output) {
    if (!consensus_->propose(now, encode_entry(entry), output)) {
        proposals_.remove(entry);
    }
}

Applied ReplicatedLog::apply(const Entry& entry, std::uint64_t index) {
    applied_ns_ = std::max(applied_ns_, to_ns(time_of(entry)));
    last_entry_ns_ = std::max(last_entry_ns_, applied_ns_);
    proposals_.remove(entry);
    return ledger_.apply(entry, index);
}

void ReplicatedLog::begin_behind(const LedgerSnapshot& snapshot) {
    ledger_ = snapshot.ledger;
    applied_.begin_behind(snapshot.link, snapshot.terms);
    applied_ns_ = snapshot.time_ns;
    last_entry_ns_ = snapshot.time_ns;
    schedule_.restart(snapshot.encoded_bytes);
}

Bytes ReplicatedLog::make_snapshot(const ServerHistory& servers) {
    Bytes snapshot = encode_snapshot(
        hasher_, {applied_.head(), applied_ns_, applied_.terms(), servers, ledger_});
    schedule_.restart(snapshot.size());
    return snapshot;
}

bool ReplicatedLog::update_deadline(std::optional<SwarmTime>& due) {
    const bool alone = consensus_->leads() && consensus_->servers().size() == 1;
    due = alone ? std::nullopt : consensus_->deadline();
    return std::exchange(armed_, due) != due;
}

}  // namespace starling
