#include "core/sn/leases.hpp"

#include <algorithm>
#include <utility>

namespace starling {
namespace {

constexpr int heartbeats_per_lease = 8;
constexpr SwarmDuration longest_lease = std::chrono::minutes(2);
/// Leases and the times between checks of them grow up to so many times; those between heartbeats
/// grow on.
constexpr int longest_check_factor = interval_factor(members_max);
/// Of TLS, at the SN that the SLs return to.
constexpr SwarmDuration handshake = std::chrono::milliseconds(2);

/// Members that are gone count: an SL's heartbeats stay as rare as all members that its run has had
/// make them (RunMembership::member_count()).
std::size_t took_part(const Contract& contract) {
    return static_cast<std::size_t>(
        std::count_if(contract.members.begin(), contract.members.end(), [](const auto& entry) {
            const Member& member = entry.second;
            return member.check_in || member.last.fresh || member.last.finished;
        }));
}

}  // namespace

void Leases::count(SwarmTime now, const Ledger& ledger, const std::map<NodeId, SnPeer>& peers) {
    auto most =
        static_cast<std::size_t>(std::count_if(peers.begin(), peers.end(), [](const auto& one) {
            return one.second.role == Role::sl && one.second.connected;
        }));
    most = std::max(most, std::exchange(most_here_, here_));
    for (const auto& [name, contract] : ledger.contracts()) {
        most = contract.has_ended() ? most : std::max(most, took_part(contract));
    }
    const int newest = heartbeat_interval_factor(most);
    if (newest < interval_factor_ && !fewer_since_) {
        fewer_since_ = now;
    }
    // The answer to a heartbeat may be a view, which does not tell: the next one does.
    const SwarmDuration told_after = 2 * heartbeat() * interval_factor_;
    if (newest >= interval_factor_ || now - *fewer_since_ >= told_after) {
        interval_factor_ = newest;
        fewer_since_.reset();
    }
}

void Leases::on_connected() {
    ++here_;
    most_here_ = std::max(most_here_, here_);
}

SwarmDuration Leases::heartbeat() const { return limits_.lease / heartbeats_per_lease; }

SwarmDuration Leases::of(const SnPeer& peer) const {
    const SwarmDuration least = limits_.lease * std::min(interval_factor_, longest_check_factor);
    return std::clamp<SwarmDuration>(heartbeats_per_lease * peer.longest_pause, least,
                                     std::max(least, longest_lease));
}

SwarmDuration Leases::time_to_return(const SnPeer& peer) const {
    const SwarmDuration rare = heartbeat() * (interval_factor_ - 1);
    return std::max<SwarmDuration>(limits_.reconnect + handshake * broken_,
                                   2 * (peer.longest_pause - rare));
}

SwarmTime Leases::set_next_check(SwarmTime now) {
    constexpr int check_factor_with_broken = 4;
    next_check_ = now + limits_.check_interval *
                            std::min(interval_factor_,
                                     broken_ > 0 ? check_factor_with_broken : longest_check_factor);
    return next_check_;
}

bool Leases::check_sooner(SwarmTime now) {
    const SwarmTime due = now + limits_.reconnect + limits_.check_interval;
    if (due >= next_check_) {
        return false;
    }
    next_check_ = due;
    return true;
}

}  // namespace starling
