#include "core/sn/removed_servers.hpp"

#include <algorithm>
#include <utility>

#include "core/base/start_text.hpp"
#include "core/ledger/membership.hpp"

namespace starling {
namespace {

constexpr SwarmDuration dial_interval = std::chrono::seconds(5);

}  // namespace

void RemovedServers::apply_membership(const LogRecord& record) {
    if (record.kind != RecordKind::membership) {
        return;
    }
    Result<std::vector<Server>> servers = decode_membership(record.data);
    if (!servers) {
        return;
    }
    for (const Server& before : applied_servers_) {
        const bool stays = std::any_of(servers->begin(), servers->end(), [&](const Server& server) {
            return server.number == before.number;
        });
        if (!stays) {
            removed_[before.number] = {before.node, before.address, record.index, {}, false, {}};
        }
    }
    for (const Server& server : *servers) {
        removed_.erase(server.number);
    }
    applied_servers_ = std::move(*servers);
}

void RemovedServers::apply_removal(const Entry& entry, const RemoveServers& removal,
                                   const std::map<NodeId, RegisteredNode>& nodes) {
    const auto signer = nodes.find(entry.signer);
    for (auto& [number, removed] : removed_) {
        if (removed.index != removal.index) {
            continue;
        }
        removed.removal = removal;
        if (removal.rebuilt && signer != nodes.end()) {
            removed.rebuilt = RebuildProof{signer->second.credentials, encode_entry(entry)};
        }
    }
}

bool RemovedServers::applied(const NodeId& node) const {
    return std::any_of(applied_servers_.begin(), applied_servers_.end(),
                       [&](const Server& server) { return server.node == node; });
}

const RemovedServer* RemovedServers::find(const NodeId& node) const {
    const auto found = std::find_if(removed_.begin(), removed_.end(),
                                    [&](const auto& entry) { return entry.second.node == node; });
    return found == removed_.end() ? nullptr : &found->second;
}

std::string RemovedServers::text_for(std::uint64_t number) const {
    const RemovedServer& removed = removed_.at(number);
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
    RemovedServer& removed = removed_.at(number);
    first = !std::exchange(removed.notified, true) && removed.node == node;
    return removed;
}

std::vector<RemovedServer> RemovedServers::left_behind(SwarmTime now) {
    std::vector<RemovedServer> found;
    if (now < next_dial_) {
        return found;
    }
    next_dial_ = now + dial_interval;
    for (const auto& [number, removed] : removed_) {
        if (removed.removal && removed.removal->rebuilt && !removed.notified) {
            found.push_back(removed);
        }
    }
    return found;
}

}  // namespace starling
