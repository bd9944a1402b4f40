#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// What other SNs claim about this one's membership, and which claims to believe. A single SN must
/// not be able to stop another one, or to keep it from joining, by a claim.
class MembershipClaims {
public:
    /// After this time without a leader an SN believes a single other one that it was removed or
    /// refused.
    static constexpr SwarmDuration believe_limit = std::chrono::minutes(1);

    explicit MembershipClaims(NodeId self) : self_(std::move(self)) {}

    /// SNs that others know of, while the own log knows none. An SN is believed about its own
    /// address; about others the first statement is kept.
    void note_servers(const NodeId& from, const std::vector<Server>& servers);
    const std::vector<Server>& servers() const { return servers_; }

    /// Only the leader refuses a request to join or leave. Any SN can claim to lead, so a refusal
    /// is believed once more than half of the SNs name its sender as the leader, or after
    /// `leaderless` has reached the limit. \return  the refusal that is believed.
    std::optional<Error> note_reply(const NodeId& from, const MembershipReply& reply,
                                    SwarmDuration leaderless);

    /// \return  false: `from` has claimed before that this SN was removed.
    bool note_removal(const NodeId& from) { return claimed_by_.insert(from).second; }
    void withdraw_removal(const NodeId& from) { claimed_by_.erase(from); }
    /// Whether `from`'s claim is believed: `from` votes, and more than half of the voters claim the
    /// same, or nobody has led for the limit. \param servers  of the own log, or servers().
    bool believes_removal(const NodeId& from, const std::vector<Server>& servers,
                          SwarmDuration leaderless) const;

private:
    bool most_other_voters(const std::vector<Server>& servers,
                           const std::function<bool(const NodeId&)>& holds) const;

    NodeId self_;
    std::vector<Server> servers_;
    std::set<NodeId> claimed_by_;         ///< SNs that say that this one was removed
    std::map<NodeId, NodeId> leader_by_;  ///< of other SNs: who leads, as each says
    std::map<NodeId, Error> refusals_;    ///< of SNs that refused to add or remove this one
};

}  // namespace starling
