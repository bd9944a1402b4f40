#include "core/raft/raft_consensus.hpp"

#include <algorithm>

#include "core/raft/detail/raft_consensus_state.hpp"
#include "core/raft/detail/raft_messages.hpp"

namespace starling {
namespace {

constexpr std::size_t message_bytes_target = std::size_t{1} * 1024 * 1024;

}  // namespace

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
        take_messages(update, output);
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

/// Sends followers the new commit index at once, in an append without records, instead of with the
/// next heartbeat; also to one that confirms records that are committed already.
void RaftConsensus::notify_commit(ConsensusOutput& output) {
    if (!leads()) {
        notified_.clear();
        return;
    }
    for (const Server& server : servers_) {
        raft_index match = 0;
        if (server.number == raft_.id || raft_match_index(&raft_, server.number, &match) != 0) {
            continue;
        }
        const std::uint64_t agreed = std::min<std::uint64_t>(match, raft_commit_index(&raft_));
        std::uint64_t& notified_before = notified_[server.number];
        if (agreed <= notified_before) {
            continue;
        }
        notified_before = agreed;
        ConsensusMessage append;
        append.kind = ConsensusKind::append;
        append.sender = raft_.id;
        append.receiver = server.number;
        append.term = raft_current_term(&raft_);
        append.log_index = match;
        append.log_term = log_.term_of(match);
        append.commit = raft_commit_index(&raft_);
        output.emplace_back(SendConsensus{server.node, std::move(append)});
    }
}

void RaftConsensus::take_entries(SwarmTime, const raft_update& update, const RaftEntries* entries,
                                 ConsensusOutput& output) {
    AppendRecords append{update.entries.index, {}};
    for (unsigned i = 0; i < update.entries.n; ++i) {
        const raft_entry& entry = update.entries.batch[i];
        LogRecord record;
        if (entries != nullptr && entries->holds(&entry)) {
            record = entries->record(&entry);
        } else {  // the barrier of a new leader, the one thing that libraft writes itself
            record.kind = RecordKind::barrier;
        }
        record.term = entry.term;
        record.index = update.entries.index + i;
        append.records.push_back(encode_record(record));
        log_.put(std::move(record));
    }
    std::uint64_t newest = log_.last();
    const bool replaced = update.entries.index <= membership_index_;  // an earlier one counts again
    const std::uint64_t oldest = replaced ? log_.forgotten() + 1 : update.entries.index;
    while (newest >= oldest && log_.at(newest).kind != RecordKind::membership) {
        --newest;
    }
    if (newest >= oldest) {
        membership_index_ = newest;
        servers_ = *decode_membership(log_.at(newest).data);
    } else if (replaced) {
        membership_index_ = forgotten_membership_.index;
        servers_ = forgotten_membership_.servers;
    }
    raft_free(update.entries.batch[0].batch);
    output.emplace_back(std::move(append));
}

void RaftConsensus::take_messages(const raft_update& update, ConsensusOutput& output) {
    for (unsigned i = 0; i < update.messages.n; ++i) {
        const raft_message& message = update.messages.batch[i];
        STARLING_INVARIANT(message.type != RAFT_INSTALL_SNAPSHOT,
                           "a log that is kept whole needs no snapshot");
        if (message.type == RAFT_APPEND_ENTRIES) {
            send_append(message, output);
            continue;
        }
        ConsensusMessage sent = from_libraft(message);
        sent.sender = raft_.id;
        sent.lacks_records = sent.kind == ConsensusKind::append_result && lacks_records();
        output.emplace_back(SendConsensus{{message.server_address}, std::move(sent)});
    }
}

Result<Bytes> RaftConsensus::encoded_record(std::uint64_t index) const {
    return index <= log_.forgotten() ? options_.archive(index) : encode_record(log_.at(index));
}

/// Split into appends that fit into a frame.
void RaftConsensus::send_append(const raft_message& message, ConsensusOutput& output) const {
    const auto& append = message.append_entries;
    std::uint64_t before = append.prev_log_index;
    const std::uint64_t end = before + append.n_entries;
    do {
        ConsensusMessage sent;
        sent.kind = ConsensusKind::append;
        sent.sender = raft_.id;
        sent.receiver = message.server_id;
        sent.version = append.version;
        sent.term = append.term;
        sent.log_index = before;
        sent.log_term =
            before == append.prev_log_index ? append.prev_log_term : log_.term_of(before);
        sent.commit = append.leader_commit;
        std::size_t bytes = 0;
        while (before < end && sent.records.size() < records_per_message) {
            Result<Bytes> record = encoded_record(before + 1);
            if (!record) {
                return;  // it is still being copied; or the disk fails, and the next write, too
            }
            if (bytes > 0 && bytes + record->size() > message_bytes_target) {
                break;  // with the largest one behind it, a frame would be larger than any may be
            }
            bytes += record->size();
            sent.records.push_back(std::move(*record));
            ++before;
        }
        output.emplace_back(SendConsensus{{message.server_address}, std::move(sent)});
    } while (before < end);
}

void RaftConsensus::deliver_committed(SwarmTime now, ConsensusOutput& output) {
    while (delivered_ < raft_commit_index(&raft_)) {
        const LogRecord& record = log_.at(++delivered_);
        if (record.kind == RecordKind::membership) {
            raft_event event = event_at(now, RAFT_CONFIGURATION);
            event.configuration.index = record.index;
            event.configuration.conf = configuration_of(*decode_membership(record.data));
            output.emplace_back(Committed{record});
            const int applied = feed(now, event, nullptr, output);
            STARLING_INVARIANT(applied == 0, "what is agreed can be applied");
        } else {
            output.emplace_back(Committed{record});
        }
    }
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

Result<void> RaftConsensus::change(SwarmTime now, std::vector<Server> servers,
                                   ConsensusOutput& output) {
    if (!leads()) {
        return Error{Errc::refused, "another SN leads"};
    }
    if (raft_.configuration_uncommitted_index != 0) {
        return Error{Errc::stale, "another membership change is in progress"};
    }
    std::sort(servers.begin(), servers.end(),
              [](const Server& a, const Server& b) { return a.node < b.node; });
    return submit(now, {0, 0, RecordKind::membership, encode_membership(servers)}, output);
}

Result<void> RaftConsensus::add_server(SwarmTime now, const Server& server,
                                       ConsensusOutput& output) {
    std::vector<Server> servers = servers_;
    for (const Server& other : servers) {
        if (other.number == server.number) {
            return {};
        }
        if (other.node == server.node) {
            // It was restarted with an empty disk: its old server must be removed first.
            return remove_server(now, server.node, output);
        }
    }
    if (servers.size() >= servers_max) {
        return Error{Errc::too_large, "this swarm has " + std::to_string(servers_max) + " SNs"};
    }
    servers.push_back(server);
    servers.back().voter = false;
    return change(now, std::move(servers), output);
}

Result<void> RaftConsensus::remove_server(SwarmTime now, const NodeId& node,
                                          ConsensusOutput& output) {
    std::vector<Server> servers = servers_;
    std::erase_if(servers, [&](const Server& server) { return server.node == node; });
    if (servers.size() == servers_.size()) {
        return {};
    }
    if (std::none_of(servers.begin(), servers.end(), [](const Server& s) { return s.voter; })) {
        return Error{Errc::refused, "the last SN can't leave"};
    }
    return change(now, std::move(servers), output);
}

/// Promotes learners that have caught up and may vote. One that lacks old records waits, since as
/// the leader it could not send them; unless this leader lacks them itself, after a rebuild.
void RaftConsensus::promote_learners(SwarmTime now, ConsensusOutput& output) {
    if (!leads() || raft_.configuration_uncommitted_index != 0) {
        return;
    }
    for (const Server& server : servers_) {
        raft_index match = 0;
        if (server.voter || raft_match_index(&raft_, server.number, &match) != 0 ||
            match < raft_commit_index(&raft_) ||
            (lacking_.contains(server.number) && !lacks_records()) ||
            (options_.may_vote && !options_.may_vote(server.node))) {
            continue;
        }
        std::vector<Server> servers = servers_;
        for (Server& other : servers) {
            other.voter = other.voter || other.number == server.number;
        }
        static_cast<void>(change(now, std::move(servers), output));
        return;
    }
}

/// The first election timeout after a start is half as long: mostly all servers start together
/// without a leader. If there is one, the pre-vote fails.
void RaftConsensus::wait_in_full() {
    if (!waits_in_full_) {
        waits_in_full_ = true;
        raft_set_election_timeout(&raft_, milliseconds_of(options_.election_timeout));
    }
}

void RaftConsensus::step_down(SwarmTime now, ConsensusOutput& output) {
    if (!leads()) {
        return;
    }
    const std::uint64_t successor = find_successor(now);
    if (successor == 0) {
        return;
    }
    raft_event event = event_at(now, RAFT_TRANSFER);
    event.transfer.server_id = successor;
    static_cast<void>(feed(now, event, nullptr, output));
}

/// The voter with the longest log whose candidacy rule R19 lets pass: a transfer to another one
/// would fail, and a leader refuses entries until a transfer is over. 0: none.
std::uint64_t RaftConsensus::find_successor(SwarmTime now) {
    std::uint64_t successor = 0;
    raft_index longest = 0;
    for (const Server& server : servers_) {
        raft_index match = 0;
        if (server.voter && server.number != raft_.id &&
            position(now, server.node).raises < raises_with_leader_max &&
            raft_match_index(&raft_, server.number, &match) == 0 &&
            (successor == 0 || match > longest)) {
            successor = server.number;
            longest = match;
        }
    }
    return successor;
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
