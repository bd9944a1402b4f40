// What libraft wants written, sent and applied, as ConsensusOutput.
#include <algorithm>

#include "core/raft/detail/raft_consensus_state.hpp"
#include "core/raft/detail/raft_messages.hpp"

namespace starling {
namespace {

constexpr std::size_t message_bytes_target = std::size_t{1} * 1024 * 1024;

}  // namespace

/// Sends followers the new commit index at once, in an append without records, instead of with the
/// next heartbeat; also to one that confirms records that are committed already.
void RaftConsensus::notify_commit(ConsensusOutput& output) {
    if (!leads()) {
        notified_.clear();
        repeated_.clear();
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

void RaftConsensus::take_messages(SwarmTime now, const raft_update& update,
                                  ConsensusOutput& output) {
    for (unsigned i = 0; i < update.messages.n; ++i) {
        const raft_message& message = update.messages.batch[i];
        STARLING_INVARIANT(message.type != RAFT_INSTALL_SNAPSHOT,
                           "a log that is kept whole needs no snapshot");
        if (message.type == RAFT_APPEND_ENTRIES) {
            send_append(now, message, output);
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

/// Split into messages that fit into a frame. If these records were sent before, the first message
/// only, or none of them.
void RaftConsensus::send_append(SwarmTime now, const raft_message& message,
                                ConsensusOutput& output) {
    using Verdict = RepeatedAppends::Verdict;
    const auto& append = message.append_entries;
    std::uint64_t before = append.prev_log_index;
    const Verdict verdict =
        append.n_entries == 0 ? Verdict::first : repeated_.judge(now, message.server_id, before);
    const std::uint64_t end = verdict == Verdict::withhold ? before : before + append.n_entries;
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
        if (sent.log_index == append.prev_log_index && !sent.records.empty()) {
            repeated_.on_sent(now, message.server_id, sent.log_index);
        }
        output.emplace_back(SendConsensus{{message.server_address}, std::move(sent)});
    } while (before < end && verdict == Verdict::first);
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

}  // namespace starling
