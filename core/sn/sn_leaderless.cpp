// Logs and answers while there is no leader.
#include <algorithm>

#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

constexpr SwarmDuration line_interval_max = std::chrono::minutes(10);

std::string seconds_text(SwarmDuration duration) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

/// "No SN has led for 3 s: 2 of the 3 SNs must agree, and 1 is here. Away: sn2 at 10.0.0.2:30304
/// (connection refused), ..."
std::string SnNode::leaderless_text() const {
    const std::string since = seconds_text(now_ - leader_seen_);
    const auto cause = [&](const Address& address) {
        const auto found = dial_errors_.find(address);
        return found == dial_errors_.end() ? "" : " (" + found->second + ")";
    };
    if (!is_server(options_.id)) {
        std::string text = "Not taken in for " + since + ": ";
        const bool any_here = std::any_of(peers_.begin(), peers_.end(), [](const auto& entry) {
            return entry.second.role == Role::sn && entry.second.here;
        });
        if (any_here) {
            return text + "the SNs that can be reached have no leader";
        }
        return options_.sentinel
                   ? text + "no SN answers at " + to_string(*options_.sentinel) +
                         cause(*options_.sentinel) + "; check --sentinel-ip, and that it runs"
                   : text + "no --sentinel-ip is given";
    }
    std::size_t voters = 0;
    std::size_t here = 0;
    std::string away;
    for (const Server& server : consensus_->servers()) {
        if (!server.voter) {
            continue;
        }
        ++voters;
        const auto peer = peers_.find(server.node);
        if (server.node == options_.id || (peer != peers_.end() && peer->second.here)) {
            ++here;
        } else {
            away += (away.empty() ? "" : ", ") + server.node.name + " at " +
                    to_string(server.address) + cause(server.address);
        }
    }
    std::string text = "No SN has led for " + since + ": " + std::to_string(voters / 2 + 1) +
                       " of the " + std::to_string(voters) + " SNs that vote must agree, and " +
                       std::to_string(here) + (here == 1 ? " is" : " are") + " here";
    if (!away.empty()) {
        text += ". Away: " + away;
    }
    if (here <= voters / 2) {
        text +=
            ". Start them; if too many are gone for good, stop this SN and start it with "
            "--rebuild-without";
    }
    return text;
}

void SnNode::check_leader(Outbox& out) {
    if (!misses_leader()) {
        if (leaderless_told_ && consensus_->leader()) {
            report(TraceEvent("leader_found")
                       .log(Level::info, component,
                            "SN '" + consensus_->leader()->name + "' leads again"),
                   out);
            leaderless_told_ = false;
            leaderless_next_ = {};
        }
        return;
    }
    const SwarmDuration since = now_ - leader_seen_;
    if (since < leaderless_next_) {
        return;
    }
    leaderless_next_ = since + std::min<SwarmDuration>(since * 2, line_interval_max);
    leaderless_told_ = true;
    report(TraceEvent("leaderless").log(Level::warning, component, leaderless_text()), out);
}

}  // namespace starling
