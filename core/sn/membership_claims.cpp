#include "core/sn/membership_claims.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::size_t refusals_max = 64;

}  // namespace

void MembershipClaims::note_servers(const NodeId& from, const std::vector<Server>& servers) {
    for (const Server& server : servers) {
        const auto known = std::find_if(servers_.begin(), servers_.end(),
                                        [&](const Server& one) { return one.node == server.node; });
        if (known == servers_.end() && servers_.size() < servers_max) {
            servers_.push_back(server);
        } else if (known != servers_.end() && server.node == from) {
            *known = server;
        }
    }
}

std::optional<Error> MembershipClaims::note_reply(const NodeId& from, const MembershipReply& reply,
                                                  SwarmDuration leaderless) {
    if (leader_by_.size() >= refusals_max || refusals_.size() >= refusals_max) {
        leader_by_.clear();
        refusals_.clear();
    }
    if (reply.leader) {
        leader_by_[from] = *reply.leader;
    }
    if (reply.code != Errc::ok) {
        refusals_[from] = {reply.code, reply.reason};
    } else {
        refusals_.erase(from);
    }
    for (const auto& [refusing, refusal] : refusals_) {
        const auto names_it = [&, &leader = refusing](const NodeId& node) {
            const auto named = leader_by_.find(node);
            return named != leader_by_.end() && named->second == leader;
        };
        if (most_other_voters(servers_, names_it) || leaderless > believe_limit) {
            return refusal;
        }
    }
    return std::nullopt;
}

bool MembershipClaims::believes_removal(const NodeId& from, const std::vector<Server>& servers,
                                        SwarmDuration leaderless) const {
    const bool of_voter =
        from != self_ && std::any_of(servers.begin(), servers.end(), [&](const Server& server) {
            return server.voter && server.node == from;
        });
    const auto claims = [&](const NodeId& node) { return claimed_by_.contains(node); };
    return of_voter && (most_other_voters(servers, claims) || leaderless > believe_limit);
}

/// Whether more than half of the voters other than this SN satisfy `holds`.
bool MembershipClaims::most_other_voters(const std::vector<Server>& servers,
                                         const std::function<bool(const NodeId&)>& holds) const {
    std::size_t others = 0;
    std::size_t holding = 0;
    for (const Server& server : servers) {
        if (server.voter && server.node != self_) {
            ++others;
            holding += holds(server.node) ? 1U : 0U;
        }
    }
    return 2 * holding > others;
}

}  // namespace starling
