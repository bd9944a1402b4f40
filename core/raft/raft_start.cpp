// Starting libraft with a durable log, or with a snapshot and the records behind it.
#include "core/raft/detail/raft_consensus_state.hpp"

namespace starling {

void RaftConsensus::start(SwarmTime now, DurableLog log, std::optional<Server> founder,
                          ConsensusOutput& output) {
    Vote vote = log.vote;
    if (vote.self == 0) {
        vote.self = options_.number;
        output.emplace_back(SaveVote{vote});
    }
    const int made = raft_init(&raft_, nullptr, nullptr, vote.self, options_.self.name.c_str());
    STARLING_INVARIANT(made == 0, "without memory nothing goes on");
    started_ = true;
    raft_seed(&raft_, static_cast<unsigned>(options_.seed));
    raft_set_election_timeout(&raft_, milliseconds_of(options_.election_timeout / 2));
    raft_set_heartbeat_timeout(&raft_, milliseconds_of(options_.heartbeat));
    raft_set_pre_vote(&raft_, true);
    raft_set_max_inflight_entries(&raft_, 4096);
    raft_set_capacity_threshold(&raft_, 0);

    if (founder && log.records.empty() && vote.term == 0) {
        founder->number = vote.self;
        founder->voter = true;
        LogRecord first{1, 1, RecordKind::membership, encode_membership({*founder})};
        log.records.push_back(encode_record(first));
        vote.term = 1;
        output.emplace_back(SaveVote{vote});
        output.emplace_back(AppendRecords{1, log.records});
    }
    if (log.snapshot) {
        begin_behind(*log.snapshot);
    }
    std::vector<LogRecord> records;
    for (const Bytes& bytes : log.records) {
        Result<LogRecord> record = decode_record(log_.last() + 1, bytes);
        STARLING_INVARIANT(record.has_value(), "the store checked its chain, and we wrote it");
        log_.put(*record);
        if (record->kind == RecordKind::membership) {
            servers_ = *decode_membership(record->data);
            membership_index_ = record->index;
        }
        records.push_back(std::move(*record));
    }
    RaftEntries entries(std::move(records));
    raft_event event = event_at(now, RAFT_START);
    event.start.term = vote.term;
    event.start.voted_for = vote.candidate;
    event.start.start_index = log.before() + 1;
    raft_snapshot_metadata metadata{};
    if (log.snapshot) {
        metadata = {log.snapshot->index(), log.snapshot->term(),
                    configuration_of(forgotten_membership_.servers), forgotten_membership_.index};
        event.start.metadata = &metadata;
    }
    event.start.entries = entries.data();
    event.start.n_entries = entries.size();
    void* const batch = entries.batch();
    const int stepped = feed(now, event, nullptr, output);
    STARLING_INVARIANT(stepped == 0, "a log that was checked can be restored");
    raft_free(batch);
    if (log.snapshot) {
        extend_trail();
    }
}

void RaftConsensus::begin_behind(const LedgerSnapshot& snapshot) {
    STARLING_INVARIANT(options_.archive, "other servers may lack the records before a snapshot");
    log_.begin_behind(snapshot.terms);
    delivered_ = snapshot.index();
    membership_index_ = snapshot.servers.membership_index();
    servers_ = snapshot.servers.servers();
    forgotten_membership_ = {membership_index_, servers_};
}

/// Tells libraft the terms of the records before the snapshot that it was started with: then it
/// sends a server that lacks some of them the records, which send_append() reads from the disk, and
/// never a snapshot, and does all else as if it had been started with the whole log. It keeps no
/// more of a record than its term, in a run for each, which is what TermRuns has.
void RaftConsensus::extend_trail() {
    raft_trail& trail = raft_.trail;
    using TrailRun = std::remove_pointer_t<decltype(trail.records)>;
    std::vector<TermRuns::Run> runs = log_.terms_before().all();
    for (unsigned at = trail.front; at != trail.back; at = (at + 1) % trail.size) {
        const TrailRun& run = trail.records[at];
        if (run.term == runs.back().term) {
            runs.pop_back();
        }
        runs.push_back({run.index, run.term});
    }
    auto* const records = static_cast<TrailRun*>(raft_malloc((runs.size() + 1) * sizeof(TrailRun)));
    STARLING_INVARIANT(records != nullptr, "without memory nothing goes on");
    for (std::size_t at = 0; at < runs.size(); ++at) {
        records[at].index = runs[at].last;
        records[at].term = runs[at].term;
    }
    raft_free(trail.records);
    trail.records = records;
    trail.size = static_cast<unsigned>(runs.size() + 1);
    trail.front = 0;
    trail.back = static_cast<unsigned>(runs.size());
    trail.offset = 0;
    trail.snapshot = {};
}

}  // namespace starling
