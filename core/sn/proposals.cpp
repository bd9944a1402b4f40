#include "core/sn/proposals.hpp"

namespace starling {
namespace {

/// Identifies an SN's own entry, so that it is proposed only once at a time.
std::string proposal_key(const NodeId& signer, const Command& command) {
    if (const auto* expire = std::get_if<ExpireDeadline>(&command)) {
        return "expire " + std::to_string(expire->run) + " " + std::to_string(expire->deadline_ns) +
               " " + expire->contract;
    }
    if (const auto* exclude = std::get_if<ExcludeMember>(&command)) {
        return "exclude " + std::to_string(exclude->run) + " " + std::to_string(exclude->round) +
               " " + std::to_string(exclude->attempt) + " " + exclude->contract;
    }
    if (const auto* apart = std::get_if<KeepApart>(&command)) {
        return "keep apart " + std::to_string(apart->run) + " " + std::to_string(apart->round) +
               " " + std::to_string(apart->attempt) + " " + apart->contract;
    }
    if (const auto* commit = std::get_if<CommitRound>(&command)) {
        return "commit " + std::to_string(commit->run) + " " + std::to_string(commit->round) + " " +
               std::to_string(commit->attempt) + " " + commit->contract;
    }
    if (const auto* part = std::get_if<RecordReports>(&command)) {
        const std::string first = part->reports.empty() ? "" : part->reports.front().node.name;
        return "reports " + std::to_string(part->run) + " " + std::to_string(part->round) + " " +
               std::to_string(part->attempt) + " " + first + " " + part->contract;
    }
    if (const auto* checkpoint = std::get_if<Checkpoint>(&command)) {
        return "checkpoint " + signer.name + " " + std::to_string(checkpoint->index);
    }
    if (const auto* removal = std::get_if<RemoveServers>(&command)) {
        return "remove " + std::to_string(removal->index);
    }
    if (std::holds_alternative<SwarmRules>(command)) {
        return "rules";
    }
    const auto* lose = std::get_if<LoseNode>(&command);
    return lose == nullptr ? "register " + signer.name : "lose " + lose->node.name;
}

}  // namespace

bool Proposals::add(const Entry& entry) {
    return entry.session != 0
               ? of_nodes_.insert({entry.signer, entry.session, entry.sequence}).second
               : own_pending_.insert(proposal_key(entry.signer, entry.command)).second;
}

void Proposals::remove(const Entry& entry) {
    of_nodes_.erase({entry.signer, entry.session, entry.sequence});
    if (entry.session == 0) {
        own_pending_.erase(proposal_key(entry.signer, entry.command));
    }
}

bool Proposals::contains(const NodeId& signer, const Command& command) const {
    return own_pending_.contains(proposal_key(signer, command));
}

}  // namespace starling
