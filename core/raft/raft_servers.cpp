// Which servers keep the log, which of them vote, and to whom a leader hands over.
#include <algorithm>

#include "core/raft/detail/raft_consensus_state.hpp"

namespace starling {

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

}  // namespace starling
