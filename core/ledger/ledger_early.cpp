// Rounds that members have merged before they checked in: see sl/early_exchange.hpp.
#include <algorithm>

#include "core/ledger/ledger_internal.hpp"

namespace starling {
namespace {

auto place_of(std::vector<MemberReport>& reports, const NodeId& node) {
    return std::ranges::lower_bound(reports, node, {}, &MemberReport::node);
}

}  // namespace

/// Of the newest check-in of that member; it may have none.
void Ledger::note_early_merge(Contract& contract, const NodeId& node,
                              const std::optional<EarlyMerge>& merged) {
    std::vector<MemberReport>& reports = contract.reports.recorded;
    if (const auto known = place_of(reports, node); known != reports.end() && known->node == node) {
        reports.erase(known);
    }
    const auto& last = contract.last_commit;
    const bool counts = merged && contract.attempt == 0 && last &&
                        last->round + 1 == contract.round && last->digest == merged->base &&
                        last->members.size() <= early_members_max && last->members.find(node);
    if (counts) {
        reports.insert(place_of(reports, node),
                       MemberReport{node, merged->digest, Signature{}, merged->durable});
    }
}

/// All members of the attempt, which are those of the round before, have merged it already: there
/// is nothing to wait for.
///
/// \param early  by note_early_merge()
void Ledger::commit_if_merged_early(Contract& contract, const std::vector<MemberReport>& early,
                                    SwarmTime now) {
    const MemberList& frozen = contract.frozen;
    const bool all = std::ranges::equal(early, frozen, [](const auto& report, const auto& member) {
        return report.node == member.id;
    });
    if (all && may_have_begun_early(contract) &&
        is_durable_enough(contract.config.durable, durable_count(early), frozen.size())) {
        decide(contract, early, now);
    }
}

}  // namespace starling
