// Members whose connections are refused for a certificate.
#include <algorithm>

#include "core/sl/sl_state.hpp"

namespace starling {

/// A member that refuses is reported to the SN, which excludes it sooner than a silent one. A node
/// that no member has accepted since its start, and that all refuse, is at fault itself: it ends,
/// so that its operator looks, without leaving the run, so that its next start can rejoin.
void SlNode::on_no_way_to(const ConnectFailed& failed, Outbox& out) {
    if (exchange_) {
        note_refusals(failed, view_->frozen, out);
    }
    if (catch_up_ && !stopped_) {
        note_refusals(failed, catch_up_->commit().members, out);
    }
    if (exchange_ && !stopped_) {
        out.set_timer(peer_dial_timer, now_ + redial_interval);
    }
}

void SlNode::note_refusals(const ConnectFailed& failed, const std::vector<RoundMember>& members,
                           Outbox& out) {
    const auto member = std::find_if(members.begin(), members.end(), [&](const RoundMember& one) {
        return one.address == failed.address;
    });
    if (member == members.end()) {
        return;
    }
    if (!failed.fatal) {
        refused_by_.erase(member->id);
        return;
    }
    const std::string text = "member '" + member->id.name + "' at " + to_string(member->address) +
                             " can't be talked to: " + failed.error.message;
    if (refused_by_.insert(member->id).second) {
        log_sl(Level::warning, text, out);
    }
    const bool by_all = std::all_of(members.begin(), members.end(), [&](const RoundMember& one) {
        return one.id == options_.id || refused_by_.contains(one.id);
    });
    if (by_all && !was_connected_with_member_) {
        crash({Errc::refused, text + "; no other member talks to this SL either"},
              exit_code::refused, out);
    }
}

}  // namespace starling
