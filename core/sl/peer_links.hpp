#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/base/node_set.hpp"
#include "core/node/outbox.hpp"
#include "core/sl/node_end.hpp"

namespace starling {

/// Connections with other SLs: which are there, which are dialled, and which members refuse this
/// node. Of two members of a round the one with the lower id dials, so that there is one
/// connection.
class PeerLinks {
public:
    explicit PeerLinks(NodeId self) : self_(std::move(self)) {}

    const NodeSet& up() const { return up_; }
    bool is_up(const NodeId& peer) const { return up_.contains(peer); }
    /// Members that would not be talked to, the last time.
    const std::set<NodeId>& refused_by() const { return *refused_by_; }

    void on_up(const NodeId& peer);
    /// \return true: it was connected.
    bool on_lost(const NodeId& peer) { return up_.erase(peer); }
    /// The address may be dialled again when it is needed.
    void on_connect_failed(const Address& address);

    /// Dials the partners of an exchange that are not connected and are this node's to dial. While
    /// one of these is missing, the peer_dial_timer is set to do it again. Those that dial this
    /// node are just waited for: in large swarms, which learn of a round slowly, for minutes.
    ///
    /// \param partners  indices of members
    void dial_partners(SwarmTime now, const MemberList& members,
                       const std::vector<std::uint32_t>& partners, Outbox& out);
    /// Dials, once, the members of a star that are not connected and are this node's to dial: with
    /// each of them it exchanges when one of the two is the centre. The handshakes would else be
    /// waited for in the first turn of each. Not in larger stars, which only a contract can wish.
    void dial_ahead(const MemberList& members, Outbox& out);
    /// Dials this member, whoever has the lower id.
    void dial(const RoundMember& member, Outbox& out);

    /// Notes who among `members` refuses connections for a certificate, and logs it. The SN is told
    /// of such members, and excludes them sooner than silent ones.
    ///
    /// \return this node is at fault itself, if all of them refuse it and no member has accepted it
    ///     since its start. It ends, so that its operator looks, without leaving the run, so that
    ///     its next start can rejoin.
    std::optional<NodeEnd> note_refusal(const ConnectFailed& failed, const MemberList& members,
                                        Outbox& out);

private:
    NodeId self_;
    NodeSet up_;
    /// Until the connection is there, or has failed.
    LazyContainer<std::map<NodeId, Address>> dialling_;
    LazyContainer<std::set<NodeId>> refused_by_;
    bool was_connected_ = false;  ///< with any member since the start
};

}  // namespace starling
