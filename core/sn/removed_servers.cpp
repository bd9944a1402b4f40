#include "core/sn/removed_servers.hpp"

#include <algorithm>

#include "core/base/start_text.hpp"

namespace starling {
namespace {

constexpr SwarmDuration dial_interval = std::chrono::seconds(5);

}  // namespace

bool RemovedServers::applied(const NodeId& node) const {
    return std::any_of(history_.servers().begin(), history_.servers().end(),
                       [&](const Server& server) { return server.node == node; });
}

const RemovedServer* RemovedServers::find(const NodeId& node) const {
    const auto& removed = history_.removed();
    const auto found = std::find_if(removed.begin(), removed.end(),
                                    [&](const auto& entry) { return entry.second.node == node; });
    return found == removed.end() ? nullptr : &found->second;
}

std::string RemovedServers::text_for(std::uint64_t number) const {
    const RemovedServer& removed = history_.removed().at(number);
    std::string text = std::string(removed_server_text) + ": ";
    if (removed.removal && removed.removal->rebuilt) {
        text += "SN '" + removed.removal->by + "' continued without it from entry " +
                std::to_string(removed.index) + " (" + start_text(removed.removal->session) +
                "), because too few SNs were left. From there on, this SN's ledger diverges";
    } else {
        text += "it was removed with entry " + std::to_string(removed.index) +
                (removed.removal ? ", as requested by '" + removed.removal->by + "'" : "");
    }
    text +=
        ". To join again it must start with an empty disk: move ledger.sqlite* and "
        "ledger.head "
        "away and specify --sentinel-ip";
    return text;
}

const RemovedServer& RemovedServers::mark_notified(std::uint64_t number, const NodeId& node,
                                                   bool& first) {
    const RemovedServer& removed = history_.removed().at(number);
    first = notified_.insert(number).second && removed.node == node;
    return removed;
}

std::vector<RemovedServer> RemovedServers::left_behind(SwarmTime now) {
    std::vector<RemovedServer> found;
    if (now < next_dial_) {
        return found;
    }
    next_dial_ = now + dial_interval;
    for (const auto& [number, removed] : history_.removed()) {
        if (removed.removal && removed.removal->rebuilt && !notified_.contains(number)) {
            found.push_back(removed);
        }
    }
    return found;
}

}  // namespace starling
