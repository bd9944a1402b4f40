#include "core/raft/host_rules.hpp"

#include <algorithm>

#include "core/ledger/membership.hpp"
#include "core/ledger/snapshot.hpp"

namespace starling {
namespace {

/// Three months of continuous elections. Bounds how far one message can raise the term, so that no
/// sender exhausts the terms: each raise costs a write to the disk.
constexpr std::uint64_t term_jump_max = std::uint64_t{1} << 24U;
constexpr std::uint64_t term_max = std::uint64_t{1} << 62U;
constexpr std::uint64_t index_max = std::uint64_t{1} << 48U;
/// Per sender within term_raise_window, without a leader: one for each election.
constexpr std::size_t raises_max = 20;
/// From this version on a vote result tells whether it is about a pre-vote.
constexpr std::uint8_t vote_result_version = 2;

const Server* find(const std::vector<Server>& servers, std::uint64_t number) {
    const auto found = std::find_if(servers.begin(), servers.end(),
                                    [&](const Server& one) { return one.number == number; });
    return found == servers.end() ? nullptr : &*found;
}

/// Rule R13. While there is a leader, only members are heard, and a learner can't lead. Without a
/// leader this log may be too old to know the members: then any SN is heard.
bool is_heard(const RaftPosition& here, const Server* sender, const ConsensusMessage& message) {
    switch (message.kind) {
        case ConsensusKind::append_result:
            return sender != nullptr;
        case ConsensusKind::request_vote_result:
            return sender != nullptr && sender->voter;
        case ConsensusKind::append:
        case ConsensusKind::request_vote:
        case ConsensusKind::timeout_now:
            return (sender != nullptr && sender->voter) || here.leader == 0 ||
                   here.leader == message.sender || find(here.servers, here.self) == nullptr;
    }
    return false;
}

/// Rule R12.
bool is_bounded(const RaftPosition& here, const ConsensusMessage& message) {
    const bool term = message.term > 0 && message.term <= term_max &&
                      (here.term == 0 || message.term <= here.term + term_jump_max);
    if (!term || message.log_index >= index_max) {
        return false;
    }
    if (message.kind == ConsensusKind::append_result ||
        message.kind == ConsensusKind::request_vote_result) {
        return true;  // names no record
    }
    return (message.log_index == 0) == (message.log_term == 0) && message.log_term <= message.term;
}

/// Rule R19. The append of a new leader is always accepted, and a pre-vote changes no term.
bool raises_too_often(const RaftPosition& here, const ConsensusMessage& message) {
    const bool raises = message.term > here.term && message.kind != ConsensusKind::append &&
                        !(message.kind == ConsensusKind::request_vote && message.pre_vote);
    return raises && here.raises >= (here.leader != 0 ? raises_with_leader_max : raises_max);
}

bool has_voter(const std::vector<Server>& servers) {
    return std::any_of(servers.begin(), servers.end(), [](const Server& one) { return one.voter; });
}

}  // namespace

std::string_view broken_rule(const RaftPosition& here, const NodeId& from,
                             const ConsensusMessage& message) {
    const Server* sender = find(here.servers, message.sender);
    if (message.receiver != here.self || message.sender == 0 || message.sender == here.self ||
        (sender != nullptr && sender->node != from)) {
        return "R13: it is for another server, or its sender uses another server's ID";
    }
    if (!is_heard(here, sender, message)) {
        return "R13: messages from its sender are not accepted";
    }
    if (!is_bounded(here, message)) {
        return "R12: its term or index is out of bounds";
    }
    if (raises_too_often(here, message)) {
        return "R19: its sender claims later terms too often";
    }
    switch (message.kind) {
        case ConsensusKind::append:
            return here.leads && message.term == here.term ? "R11: two leaders of one term" : "";
        case ConsensusKind::append_result:
            return message.rejected > here.log.last()
                       ? "R12: it rejects an index that was never sent"
                       : "";
        case ConsensusKind::request_vote_result:
            if (!here.candidate) {
                return "R10: the answer to a vote is for candidates";
            }
            if (message.version < vote_result_version) {
                return "R16: the kind of vote is missing";
            }
            return here.pre_vote && message.granted && message.term > here.term + 1
                       ? "R16: it grants a pre-vote that was not requested"
                       : "";
        case ConsensusKind::request_vote:
        case ConsensusKind::timeout_now:
            return "";
    }
    return "R12: its kind is unknown";
}

CheckedRecords check_records(const RaftPosition& here, const ConsensusMessage& append) {
    CheckedRecords checked;
    // The first entry is the same on all servers: libraft takes it as committed at each start.
    const std::uint64_t agreed =
        std::max<std::uint64_t>(here.commit, std::min<std::uint64_t>(here.log.last(), 1));
    const auto replaces_agreed = [&](std::uint64_t index, std::uint64_t term) {
        return index >= 1 && index <= agreed && here.log.term_of(index) != term;
    };
    const auto broken = [](std::string_view rule) { return CheckedRecords{{}, rule}; };
    if (replaces_agreed(append.log_index, append.log_term)) {
        return broken("R14: it replaces committed records");
    }
    std::uint64_t term_before = append.log_term;
    for (const Bytes& bytes : append.records) {
        const std::uint64_t index = append.log_index + 1 + checked.records.size();
        Result<LogRecord> record = decode_record(index, bytes);
        if (!record) {
            return broken("R15: one of its records is malformed");
        }
        if (record->term < term_before || record->term > append.term) {
            return broken("R15: the terms of its records decrease, or exceed its own");
        }
        if (replaces_agreed(index, record->term)) {
            return broken("R14: it replaces committed records");
        }
        if (record->kind == RecordKind::membership) {
            const auto servers = decode_membership(record->data);
            if (!servers || !has_voter(*servers)) {
                return broken("R15: a configuration in its records has no voters");
            }
        } else if (index == 1) {
            return broken("R15: a log begins with a membership");
        }
        term_before = record->term;
        checked.records.push_back(std::move(*record));
    }
    return checked;
}

Result<void> check_log(const DurableLog& log) {
    std::uint64_t index = log.before();
    std::uint64_t term = log.snapshot ? log.snapshot->term() : 0;
    if (term > log.vote.term) {
        return Error{Errc::malformed, "the snapshot is of a later term than this SN has seen"};
    }
    for (const Bytes& bytes : log.records) {
        ++index;
        const Result<LogRecord> record = decode_record(index, bytes);
        if (!record) {
            return record.error();
        }
        const bool membership = record->kind == RecordKind::membership;
        if (record->term < term || record->term > log.vote.term || (index == 1 && !membership) ||
            (membership && !decode_membership(record->data))) {
            return Error{Errc::malformed,
                         "record " + std::to_string(index) + " does not follow the previous ones"};
        }
        term = record->term;
    }
    return {};
}

}  // namespace starling
