#include "core/raft/raft_consensus.hpp"

#include <algorithm>

#include "core/raft/detail/raft_consensus_state.hpp"
#include "core/raft/detail/raft_messages.hpp"

namespace starling {

void RaftConsensus::forget(std::uint64_t index) {
    while (options_.archive && log_.forgotten() < std::min(index, delivered_)) {
        const LogRecord& oldest = log_.at(log_.forgotten() + 1);
        if (oldest.kind == RecordKind::membership) {
            forgotten_membership_ = {oldest.index, *decode_membership(oldest.data)};
        }
        log_.forget_oldest();
    }
}

int RaftConsensus::feed(SwarmTime now, raft_event& event, const RaftEntries* entries,
                        ConsensusOutput& output) {
    raft_update update{};
    const int stepped = raft_step(&raft_, &event, &update);
    // Also if the step failed half-way: libraft has adopted the term already.
    if ((update.flags & (RAFT_UPDATE_CURRENT_TERM)) != 0 ||
        (update.flags & (RAFT_UPDATE_VOTED_FOR)) != 0) {
        output.emplace_back(
            SaveVote{{raft_.id, raft_current_term(&raft_), raft_voted_for(&raft_)}});
    }
    if (stepped != 0) {
        return stepped;
    }
    const bool persisted = (update.flags & (RAFT_UPDATE_ENTRIES)) != 0;
    if (persisted) {
        take_entries(now, update, entries, output);
    }
    STARLING_INVARIANT((update.flags & (RAFT_UPDATE_SNAPSHOT)) == 0, "nobody sends snapshots");
    if ((update.flags & (RAFT_UPDATE_MESSAGES)) != 0) {
        take_messages(now, update, output);
    }
    if (persisted) {
        // The records are durable before anything later in `output` is executed.
        raft_event done = event_at(now, RAFT_PERSISTED_ENTRIES);
        done.persisted_entries.index = update.entries.index + update.entries.n - 1;
        const int noted = feed(now, done, nullptr, output);
        STARLING_INVARIANT(noted == 0, "to hear of a write can't fail");
    }
    deliver_committed(now, output);
    notify_commit(output);
    return 0;
}

Result<void> RaftConsensus::submit(SwarmTime now, LogRecord record, ConsensusOutput& output) {
    if (!leads()) {
        return Error{Errc::refused, "another SN leads"};
    }
    record.term = raft_current_term(&raft_);
    std::vector<LogRecord> records;
    records.push_back(std::move(record));
    RaftEntries entries(std::move(records));
    void* const batch = entries.batch();
    raft_event event = event_at(now, RAFT_SUBMIT);
    event.submit.entries = entries.data();
    event.submit.n = 1;
    if (feed(now, event, &entries, output) != 0) {
        raft_free(batch);
        return Error{Errc::stale, "leadership is being handed over"};
    }
    return {};
}

Result<void> RaftConsensus::propose(SwarmTime now, Bytes entry, ConsensusOutput& output) {
    return submit(now, {0, 0, RecordKind::entry, std::move(entry)}, output);
}

/// The first election timeout after a start is half as long: mostly all servers start together
/// without a leader. If there is one, the pre-vote fails.
void RaftConsensus::wait_in_full() {
    if (!waits_in_full_) {
        waits_in_full_ = true;
        raft_set_election_timeout(&raft_, milliseconds_of(options_.election_timeout));
    }
}

void RaftConsensus::tick(SwarmTime now, ConsensusOutput& output) {
    if (milliseconds_of(now) < raft_timeout(&raft_)) {
        return;
    }
    raft_event event = event_at(now, RAFT_TIMEOUT);
    const int stepped = feed(now, event, nullptr, output);
    STARLING_INVARIANT(stepped == 0, "a timeout takes memory only");
    wait_in_full();
    promote_learners(now, output);
}

std::optional<std::uint64_t> RaftConsensus::read_index() const {
    const std::uint64_t commit = leads() ? raft_commit_index(&raft_) : 0;
    const bool knows = commit == log_.last() || log_.term_of(commit) == raft_current_term(&raft_);
    return leads() && knows ? std::optional(commit) : std::nullopt;
}

std::optional<NodeId> RaftConsensus::leader() const {
    if (leads()) {
        return options_.self;
    }
    raft_id number = 0;
    const char* name = nullptr;
    raft_leader(&raft_, &number, &name);
    return number == 0 || name == nullptr ? std::nullopt : std::optional<NodeId>(NodeId{name});
}

std::unique_ptr<Consensus> make_raft_consensus(RaftOptions options) {
    return std::make_unique<RaftConsensus>(std::move(options));
}

}  // namespace starling
