#include "core/sl/peer_links.hpp"

#include <algorithm>

#include "core/merge/plan.hpp"
#include "core/sl/sl_log.hpp"
#include "core/sl/sl_timers.hpp"

namespace starling {

void PeerLinks::on_up(const NodeId& peer) {
    up_.insert(peer);
    dialling_.erase(peer);
    refused_by_.erase(peer);
    was_connected_ = true;
}

void PeerLinks::on_connect_failed(const Address& address) {
    dialling_.erase_if([&](const auto& dialled) { return dialled.second == address; });
}

void PeerLinks::dial_partners(SwarmTime now, const MemberList& members,
                              const std::vector<std::uint32_t>& partners, Outbox& out) {
    bool dials = false;
    for (const std::uint32_t index : partners) {
        const RoundMember& partner = members[index];
        if (self_ < partner.id && !is_up(partner.id)) {
            dials = true;
            dial(partner, out);
        }
    }
    if (dials) {
        out.set_timer(peer_dial_timer, now + redial_interval);
    }
}

void PeerLinks::dial_ahead(const MemberList& members, Outbox& out) {
    if (members.size() >= tree_members) {
        return;
    }
    for (const RoundMember& member : members) {
        if (self_ < member.id) {
            dial(member, out);
        }
    }
}

void PeerLinks::dial(const RoundMember& member, Outbox& out) {
    if (!is_up(member.id) && dialling_.change().emplace(member.id, member.address).second) {
        out.connect(member.address, Role::sl);
    }
}

std::optional<NodeEnd> PeerLinks::note_refusal(const ConnectFailed& failed,
                                               const MemberList& members, Outbox& out) {
    if (!failed.fatal && refused_by_->empty()) {
        return std::nullopt;
    }
    const auto member = std::find_if(members.begin(), members.end(), [&](const RoundMember& one) {
        return one.address == failed.address;
    });
    if (member == members.end()) {
        return std::nullopt;
    }
    if (!failed.fatal) {
        refused_by_.erase(member->id);
        return std::nullopt;
    }
    std::string text = "member '" + member->id.name + "' at " + to_string(member->address) +
                       " can't be reached: " + failed.error.message;
    if (refused_by_.change().insert(member->id).second) {
        log_sl(Level::warning, text, out);
    }
    const bool by_all = std::all_of(members.begin(), members.end(), [&](const RoundMember& one) {
        return one.id == self_ || refused_by_->contains(one.id);
    });
    if (!by_all || was_connected_) {
        return std::nullopt;
    }
    return NodeEnd{
        .how = NodeEnd::How::crash,
        .error = {Errc::refused, std::move(text) + "; no other member accepts this SL either"},
        .exit_code = exit_code::refused};
}

}  // namespace starling
