// Logs and answers while there is no leader.
#include <algorithm>

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

std::string seconds_text(SwarmDuration duration) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

/// "No SN has led for 3 s: 2 of the 3 SNs must agree, and 1 is here. Away: sn2 at 10.0.0.2:30304
/// (connection refused), ..."
std::string SnNode::leaderless_text() const {
    const std::string since = seconds_text(leadership_.missing_for(now_));
    if (!is_server(options_.id)) {
        std::string text = "Not admitted for " + since + ": ";
        const bool any_here = std::any_of(peers_.begin(), peers_.end(), [](const auto& entry) {
            return entry.second.role == Role::sn && entry.second.here;
        });
        if (any_here) {
            return text + "the reachable SNs have no leader";
        }
        return options_.sentinel ? text + "no SN answers at " + to_string(*options_.sentinel) +
                                       dialler_.error_text(*options_.sentinel) +
                                       "; check --sentinel-ip, and that it is running"
                                 : text + "there is no --sentinel-ip";
    }
    std::size_t voters = 0;
    std::size_t here = 0;
    std::string away;
    for (const Server& server : raft().servers()) {
        if (!server.voter) {
            continue;
        }
        ++voters;
        const auto peer = peers_.find(server.node);
        if (server.node == options_.id || (peer != peers_.end() && peer->second.here)) {
            ++here;
        } else {
            away += (away.empty() ? "" : ", ") + server.node.name + " at " +
                    to_string(server.address) + dialler_.error_text(server.address);
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
            ". Start them; if too many are lost permanently, stop this SN and start it with "
            "--rebuild-without";
    }
    return text;
}

void SnNode::check_leader(Outbox& out) {
    if (!misses_leader()) {
        if (raft().leader() && leadership_.take_found_line()) {
            report(
                TraceEvent("leader_found")
                    .log(Level::info, component, "SN '" + raft().leader()->name + "' leads again"),
                out);
        }
        return;
    }
    if (leadership_.take_missing_line(now_)) {
        report(TraceEvent("leaderless").log(Level::warning, component, leaderless_text()), out);
    }
}

}  // namespace starling
