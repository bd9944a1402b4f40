#include "core/raft/detail/raft_messages.hpp"

namespace starling {

ConsensusMessage from_libraft(const raft_message& message) {
    ConsensusMessage sent;
    sent.kind = static_cast<ConsensusKind>(message.type);
    sent.receiver = message.server_id;
    if (message.type == RAFT_APPEND_ENTRIES_RESULT) {
        const auto& result = message.append_entries_result;
        sent.version = result.version;
        sent.term = result.term;
        sent.rejected = result.rejected;
        sent.log_index = result.last_log_index;
        sent.features = result.features;
        sent.capacity = result.capacity;
    } else if (message.type == RAFT_REQUEST_VOTE) {
        const auto& request = message.request_vote;
        sent.version = request.version;
        sent.term = request.term;
        sent.log_index = request.last_log_index;
        sent.log_term = request.last_log_term;
        sent.disrupt_leader = request.disrupt_leader;
        sent.pre_vote = request.pre_vote;
    } else if (message.type == RAFT_REQUEST_VOTE_RESULT) {
        const auto& result = message.request_vote_result;
        sent.version = result.version;
        sent.term = result.term;
        sent.granted = result.vote_granted;
        sent.pre_vote = result.pre_vote;
        sent.features = result.features;
        sent.capacity = result.capacity;
    } else if (message.type == RAFT_TIMEOUT_NOW) {
        sent.version = message.timeout_now.version;
        sent.term = message.timeout_now.term;
        sent.log_index = message.timeout_now.last_log_index;
        sent.log_term = message.timeout_now.last_log_term;
    }
    return sent;
}

raft_message to_libraft(const ConsensusMessage& message, const NodeId& from) {
    raft_message received{};
    received.type = static_cast<raft_message_type>(message.kind);
    received.server_id = message.sender;
    received.server_address = from.name.c_str();
    if (message.kind == ConsensusKind::append_result) {
        auto& result = received.append_entries_result;
        result.version = message.version;
        result.term = message.term;
        result.rejected = message.rejected;
        result.last_log_index = message.log_index;
        result.features = message.features;
        result.capacity = message.capacity;
    } else if (message.kind == ConsensusKind::request_vote) {
        auto& request = received.request_vote;
        request.version = message.version;
        request.term = message.term;
        request.candidate_id = message.sender;
        request.last_log_index = message.log_index;
        request.last_log_term = message.log_term;
        request.disrupt_leader = message.disrupt_leader;
        request.pre_vote = message.pre_vote;
    } else if (message.kind == ConsensusKind::request_vote_result) {
        auto& result = received.request_vote_result;
        result.version = message.version;
        result.term = message.term;
        result.vote_granted = message.granted;
        result.pre_vote = message.pre_vote;
        result.features = message.features;
        result.capacity = message.capacity;
    } else if (message.kind == ConsensusKind::timeout_now) {
        received.timeout_now.version = message.version;
        received.timeout_now.term = message.term;
        received.timeout_now.last_log_index = message.log_index;
        received.timeout_now.last_log_term = message.log_term;
    }
    return received;
}

}  // namespace starling
