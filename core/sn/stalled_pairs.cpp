#include "core/sn/stalled_pairs.hpp"

#include <algorithm>
#include <iterator>

namespace starling {
namespace {

bool are_in_attempt(const Contract& contract, const MemberPair& pair) {
    return contract.frozen.find(pair.first) != nullptr &&
           contract.frozen.find(pair.second) != nullptr;
}

}  // namespace

PairLimits::PairLimits(const Contract& contract)
    : whole_(attempt_limit(contract.config, contract.frozen.size())) {
    for (const MemberPair& pair : contract.apart) {
        if (are_in_attempt(contract, pair)) {
            ++apart_from_[pair.first];
            ++apart_from_[pair.second];
        }
    }
}

SwarmDuration PairLimits::of(const MemberPair& pair) const {
    std::size_t most = 0;
    for (const NodeId& node : {pair.first, pair.second}) {
        const auto found = apart_from_.find(node);
        most = std::max(most, found == apart_from_.end() ? 0 : found->second);
    }
    static_assert(attempt_limit_parts > 2, "shortest() is the limit of the last of these");
    constexpr int parts[] = {1, 2, attempt_limit_parts};
    return whole_ / parts[std::min(most, std::size(parts) - 1)];
}

std::set<MemberPair> PairLimits::overdue(const std::set<MemberPair>& pairs,
                                         SwarmDuration age) const {
    std::set<MemberPair> found;
    std::copy_if(pairs.begin(), pairs.end(), std::inserter(found, found.end()),
                 [&](const MemberPair& pair) { return age >= of(pair); });
    return found;
}

std::uint32_t holdups_of(const Contract& contract, const NodeId& node) {
    const auto found = contract.holdups.find(node);
    return found == contract.holdups.end() ? 0 : found->second;
}

std::pair<NodeId, std::vector<NodeId>> most_blamed(const std::set<MemberPair>& pairs,
                                                   const Contract& contract) {
    std::map<NodeId, std::set<NodeId>> blame;
    for (const auto& [a, b] : pairs) {
        blame[a].insert(b);
        blame[b].insert(a);
    }
    const auto takes_part = [&](const NodeId& node) {
        const auto member = contract.members.find(node);
        return member != contract.members.end() && member->second.check_in;
    };
    for (const auto& [a, b] : contract.apart) {
        if (blame.contains(a) && takes_part(b)) {
            blame[a].insert(b);
        }
        if (blame.contains(b) && takes_part(a)) {
            blame[b].insert(a);
        }
    }
    const auto rank = [&](const auto& entry) {
        return std::pair(entry.second.size(), holdups_of(contract, entry.first));
    };
    const auto worst = std::max_element(
        blame.begin(), blame.end(),
        [&](const auto& a, const auto& b) { return rank(a) <= rank(b); });  // last of equals
    return {worst->first, {worst->second.begin(), worst->second.end()}};
}

std::set<MemberPair> owed_by_both(const std::set<MemberPair>& unmerged) {
    std::set<MemberPair> both;
    for (const auto& [node, owner] : unmerged) {
        if (node < owner && unmerged.contains({owner, node})) {
            both.emplace(node, owner);
        }
    }
    return both;
}

std::set<MemberPair> owed_by_the_last(const std::set<MemberPair>& unmerged,
                                      const std::set<NodeId>& waiting) {
    std::set<MemberPair> last;
    for (const auto& [waits, owes] : unmerged) {
        if (!waiting.contains(owes)) {
            last.insert(std::minmax(waits, owes));
        }
    }
    if (last.empty()) {
        for (const auto& [waits, owes] : unmerged) {
            last.insert(std::minmax(waits, owes));
        }
    }
    return last;
}

bool leaves_an_owner(const Contract& contract, const NodeId& node,
                     const std::vector<NodeId>& others) {
    std::set<NodeId> without{node};
    without.insert(others.begin(), others.end());
    for (const MemberPair& pair : contract.apart) {
        if (are_in_attempt(contract, pair)) {
            without.insert({pair.first, pair.second});
        }
    }
    return std::any_of(contract.frozen.begin(), contract.frozen.end(),
                       [&](const RoundMember& m) { return !without.contains(m.id); });
}

}  // namespace starling
