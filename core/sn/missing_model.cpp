#include "core/sn/missing_model.hpp"

#include <algorithm>

#include "core/base/names_text.hpp"

namespace starling {
namespace {

/// Longer than a member takes to ask one that does not answer, and then the next one.
constexpr SwarmDuration fetch_stalled_after = std::chrono::seconds(30);

/// A member that says how far it is with a model that is committed is fetching that model.
bool fetch_is_stalled(const Contract& contract, const NodeId& id, const SnPeer& peer,
                      SwarmTime now) {
    const auto member = contract.members.find(id);
    if (member == contract.members.end() || member->second.status != MemberStatus::active) {
        return false;
    }
    const Heartbeat& said = peer.heartbeat;
    const Commit& commit = *contract.last_commit;
    return peer.connected && said.contract == contract.name && said.run == contract.run &&
           said.round == commit.round && said.attempt == commit.attempt &&
           said.progress.received_bytes < said.progress.expected_bytes &&
           now - peer.transfer.moved_at >= fetch_stalled_after;
}

/// "'sl1', 'sl2' and 3 more".
std::string some_names(std::vector<NodeId> nodes) {
    constexpr std::size_t named_max = 8;
    const std::size_t more = nodes.size() - std::min(nodes.size(), named_max);
    nodes.resize(nodes.size() - more);
    return names_text(nodes, "", "'") + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

}  // namespace

std::optional<MissingModel> missing_model(const Contract& contract,
                                          const std::map<NodeId, SnPeer>& peers, SwarmTime now) {
    if (!contract.last_commit || contract.phase == ContractPhase::exchanging ||
        contract.phase == ContractPhase::aborted) {
        return std::nullopt;
    }
    MissingModel missing{contract.last_commit->round, {}, {}, {}};
    for (const auto& [id, peer] : peers) {
        if (fetch_is_stalled(contract, id, peer, now)) {
            missing.asking.push_back(id);
        }
    }
    if (missing.asking.empty()) {
        return std::nullopt;
    }
    for (const RoundMember& member :
         joined(contract.last_commit->members, further_holders(contract))) {
        if (std::binary_search(missing.asking.begin(), missing.asking.end(), member.id)) {
            continue;
        }
        const auto peer = peers.find(member.id);
        const bool connected = peer != peers.end() && peer->second.connected;
        (connected ? missing.silent : missing.away).push_back(member.id);
    }
    return missing;
}

std::string missing_model_text(const Contract& contract, const MissingModel& missing) {
    std::vector<NodeId> reported;
    for (const RoundMember& member : contract.last_commit->members) {
        reported.push_back(member.id);
    }
    std::string text = "Nobody sends the model of round " + std::to_string(missing.round) +
                       ", for which " + some_names(missing.asking) + " ask. It was reported by " +
                       some_names(reported) + ".";
    if (!missing.away.empty()) {
        text += " Not connected of these: " + some_names(missing.away) +
                "; start their SLs with the disks that they had.";
    }
    if (!missing.silent.empty()) {
        text += " Connected, but not asking for it: " + some_names(missing.silent) +
                "; check that their programs run, and the network between them and those that ask.";
    }
    text += missing.is_lost() ? " It is on the disk of none of them (the contract's durable is '" +
                                    std::string(to_string(contract.config.durable)) +
                                    "'). Unless a copy of such a disk has it,"
                              : " If none of these has it,";
    return text +
           " stop all SLs of this run while they ask: it ends, and a new one begins with their "
           "next start";
}

}  // namespace starling
