// Messages of other SNs on their way to libraft, and the host rules that they must pass.
#include <iterator>

#include "core/raft/detail/raft_consensus_state.hpp"
#include "core/raft/detail/raft_messages.hpp"

namespace starling {
namespace {

/// A rejection is answered with at most so many records until the server accepts some: it costs its
/// sender nothing, and each record may have to be read from the disk.
constexpr unsigned records_after_rejection = 16;

bool is_recent_raise(SwarmTime now, SwarmTime at) { return now - at <= term_raise_window; }

}  // namespace

RaftPosition RaftConsensus::position(SwarmTime now, const NodeId& sender) const {
    const SwarmDuration silence = 2 * options_.election_timeout;
    std::uint64_t leader = 0;
    if (leads()) {
        leader = raft_.id;
    } else if (raft_.state == RAFT_FOLLOWER && now - leader_heard_at_ <= silence) {
        leader = raft_.follower_state.current_leader.id;
    }
    const bool candidate = raft_.state == RAFT_CANDIDATE;
    std::size_t raises = 0;
    if (const auto raised = raises_.find(sender); raised != raises_.end()) {
        for (const SwarmTime at : raised->second) {
            raises += is_recent_raise(now, at) ? 1U : 0U;
        }
    }
    return {.self = raft_.id,
            .term = raft_current_term(&raft_),
            .commit = raft_commit_index(&raft_),
            .leads = leads(),
            .candidate = candidate,
            .pre_vote = candidate && raft_.candidate_state.in_pre_vote,
            .leader = leader,
            .raises = raises,
            .servers = servers_,
            .log = log_};
}

void RaftConsensus::note_raise(SwarmTime now, const NodeId& sender) {
    for (auto& [node, times] : raises_) {
        std::erase_if(times, [&](SwarmTime at) { return !is_recent_raise(now, at); });
    }
    std::erase_if(raises_, [](const auto& entry) { return entry.second.empty(); });
    raises_[sender].push_back(now);
}

bool RaftConsensus::receive(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                            ConsensusOutput& output) {
    const RaftPosition here = position(now, from);
    if (!broken_rule(here, from, message).empty()) {
        return false;
    }
    if (message.kind == ConsensusKind::append) {
        CheckedRecords checked = check_records(here, message);
        if (!checked.broken.empty()) {
            return false;
        }
        wait_in_full();
        const std::size_t before = output.size();
        receive_append(now, from, message, std::move(checked.records), output);
        if (message.term < here.term) {
            set_last_index(before, output);
        }
        return true;
    }
    if (message.kind == ConsensusKind::append_result && is_overtaken(message)) {
        return false;
    }
    if (message.kind == ConsensusKind::request_vote && !message.pre_vote) {
        wait_in_full();  // for whom it votes for
    }
    raft_message received = to_libraft(message, from);
    if (message.kind == ConsensusKind::append_result) {
        repeated_.on_answer(now, message.sender);
        // Rule R9: a match index never falls, and never exceeds the log.
        raft_index match = 0;
        static_cast<void>(raft_match_index(&raft_, message.sender, &match));
        if (message.lacks_records) {
            lacking_.insert(message.sender);
        } else {
            lacking_.erase(message.sender);
        }
        auto& last = received.append_entries_result.last_log_index;
        last = std::min<raft_index>(std::max(last, match), log_.last());
    }
    raft_event event = event_at(now, RAFT_RECEIVE);
    event.receive.message = &received;
    // The candidate's log decides who may vote: this server may not know yet that it was promoted,
    // and libraft would refuse a vote that the election needs.
    raft_server* const learner =
        message.kind == ConsensusKind::request_vote ? own_learner() : nullptr;
    if (learner != nullptr) {
        learner->role = RAFT_VOTER;
    }
    const std::size_t before = output.size();
    const unsigned inflight_max = raft_.max_inflight_entries;
    if (message.kind == ConsensusKind::append_result && message.rejected > 0) {
        raft_set_max_inflight_entries(&raft_, records_after_rejection);
    }
    // On an error libraft has dropped the message without a change.
    static_cast<void>(feed(now, event, nullptr, output));
    raft_set_max_inflight_entries(&raft_, inflight_max);
    if (raft_current_term(&raft_) > here.term) {
        note_raise(now, from);
    }
    if (message.kind == ConsensusKind::request_vote && message.pre_vote) {
        send_newer_term(message.term, before, output);
    }
    if (learner != nullptr) {
        learner->role = RAFT_STANDBY;
    }
    promote_learners(now, output);
    return true;
}

/// libraft leaves the last index of its answer to an append of an earlier term unset: what was on
/// its stack would be sent.
void RaftConsensus::set_last_index(std::size_t from, ConsensusOutput& output) const {
    for (std::size_t at = from; at < output.size(); ++at) {
        auto* sent = std::get_if<SendConsensus>(&output[at]);
        if (sent != nullptr && sent->message.kind == ConsensusKind::append_result) {
            sent->message.log_index = log_.last();
        }
    }
}

/// This server in libraft's newest membership, if it is a learner there.
raft_server* RaftConsensus::own_learner() {
    for (unsigned i = 0; i < raft_.configuration.n; ++i) {
        raft_server& server = raft_.configuration.servers[i];
        if (server.id == raft_.id) {
            return server.role == RAFT_STANDBY ? &server : nullptr;
        }
    }
    return nullptr;
}

/// A late rejection of entries that its sender has accepted since. libraft 0.22.1, in probe mode,
/// would believe it and send only empty appends from then on.
bool RaftConsensus::is_overtaken(const ConsensusMessage& result) const {
    raft_index match = 0;
    return result.rejected > 0 && result.term == raft_current_term(&raft_) && leads() &&
           raft_match_index(&raft_, result.sender, &match) == 0 && result.rejected <= match;
}

/// libraft 0.22.1 answers a pre-vote for an old term with that same term. Then, if one half of the
/// servers has the longer log and the other one the newer term, neither can elect a leader: the
/// first must learn the term.
void RaftConsensus::send_newer_term(std::uint64_t asked, std::size_t from,
                                    ConsensusOutput& output) const {
    for (std::size_t i = from; i < output.size(); ++i) {
        auto* sent = std::get_if<SendConsensus>(&output[i]);
        if (sent != nullptr && sent->message.kind == ConsensusKind::request_vote_result &&
            raft_current_term(&raft_) > asked) {
            sent->message.term = raft_current_term(&raft_);
        }
    }
}

int RaftConsensus::feed_append(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                               std::uint64_t before, std::uint64_t term_before,
                               RaftEntries& entries, ConsensusOutput& output) {
    raft_message received{};
    received.type = RAFT_APPEND_ENTRIES;
    received.server_id = message.sender;
    received.server_address = from.name.c_str();
    auto& append = received.append_entries;
    append.version = message.version;
    append.term = message.term;
    append.prev_log_index = before;
    append.prev_log_term = term_before;
    // Rule R17: a late append that ends before the commit index would lower it.
    append.leader_commit = before + entries.size() < raft_commit_index(&raft_)
                               ? raft_commit_index(&raft_)
                               : message.commit;
    append.entries = entries.data();
    append.n_entries = entries.size();
    raft_event event = event_at(now, RAFT_RECEIVE);
    event.receive.message = &received;
    return feed(now, event, &entries, output);
}

void RaftConsensus::receive_append(SwarmTime now, const NodeId& from,
                                   const ConsensusMessage& message, std::vector<LogRecord> records,
                                   ConsensusOutput& output) {
    std::uint64_t before = message.log_index;
    std::uint64_t term_before = message.log_term;
    std::size_t at = 0;
    if (message.term >= raft_current_term(&raft_)) {
        leader_heard_at_ = now;
    }
    do {
        std::size_t end = records.size();
        if (!options_.planted.membership_behind_records) {
            end = std::min(at + 1, records.size());
            while (end < records.size() && records[end].kind != RecordKind::membership) {
                ++end;
            }
        }
        RaftEntries entries({records.begin() + static_cast<std::ptrdiff_t>(at),
                             records.begin() + static_cast<std::ptrdiff_t>(end)});
        if (end > at && records[at].kind == RecordKind::membership &&
            message.commit > raft_commit_index(&raft_)) {
            // Rule R18: the commit index is passed first. With a new membership in the same append
            // libraft would forget that an earlier one is committed, and could roll back behind it.
            RaftEntries none({});
            ConsensusOutput answer;
            static_cast<void>(feed_append(now, from, message, before, term_before, none, answer));
            std::copy_if(std::make_move_iterator(answer.begin()),
                         std::make_move_iterator(answer.end()), std::back_inserter(output),
                         [](const ConsensusAction& action) {
                             return !std::holds_alternative<SendConsensus>(action);
                         });
        }
        if (feed_append(now, from, message, before, term_before, entries, output) != 0) {
            return;
        }
        before += entries.size();
        term_before = entries.size() > 0 ? records[end - 1].term : term_before;
        at = end;
    } while (at < records.size());
}

}  // namespace starling
