// For snapshots that come from other SNs: more than half of them may lie together, or have a bug,
// and a state that no entries lead to must not crash the SN that takes it.
#include "core/ledger/ledger_soundness.hpp"

#include <algorithm>

#include "core/ledger/ledger_bounds.hpp"
#include "core/params/param_layout.hpp"

namespace starling {
namespace {

bool is_time(SwarmTime time) {
    return time >= SwarmTime{} && time <= SwarmTime{entry_time_max + contract_wait_max};
}

/// Whether all keys are members.
template <typename Map>
bool names_members(const Members& members, const Map& map) {
    return std::ranges::all_of(map,
                               [&](const auto& entry) { return members.contains(entry.first); });
}

/// The reports that stand there of the round.
bool has_sound_reports(const Contract& contract) {
    const std::vector<MemberReport>& reports = contract.reports.recorded;
    if (contract.phase == ContractPhase::gathering) {
        return std::ranges::adjacent_find(reports, std::ranges::greater_equal{},
                                          &MemberReport::node) == reports.end();
    }
    return (reports.empty() || reports.size() < contract.frozen.size()) &&
           std::equal(reports.begin(), reports.end(), contract.frozen.begin(),
                      [](const MemberReport& report, const RoundMember& member) {
                          return report.node == member.id;
                      });
}

/// What stands there of the round that is exchanged.
bool has_sound_round(const Contract& contract) {
    const bool frozen_known = std::ranges::all_of(contract.frozen, [&](const RoundMember& member) {
        return contract.members.contains(member.id);
    });
    return frozen_known && is_sound(view_of(contract)) &&
           (contract.phase == ContractPhase::exchanging || contract.frozen.empty()) &&
           has_sound_reports(contract);
}

bool has_sound_times(const Contract& contract, std::uint64_t index) {
    return is_time(contract.times.began_at) && contract.times.longest >= SwarmDuration{0} &&
           contract.times.longest <= longest_counted && contract.times.decided_index <= index &&
           contract.version <= index && (!contract.deadline || is_time(*contract.deadline)) &&
           std::ranges::all_of(contract.members, [&](const auto& member) {
               return is_time(member.second.heard_at) && member.second.check_in_index <= index;
           });
}

bool is_sound(const Contract& contract, std::uint64_t index) {
    const Members& members = contract.members;
    const Result<ParamLayout> layout = ParamLayout::parse(contract.layout_text);
    return !contract.name.empty() && members.size() <= members_max &&
           members.counts.name_bytes <= name_bytes_max && layout &&
           layout->size_bytes() == contract.config.layout_bytes &&
           names_members(members, contract.deviations) &&
           names_members(members, contract.non_finite) &&
           names_members(members, contract.holdups) &&
           std::ranges::all_of(contract.apart,
                               [&](const auto& pair) {
                                   return pair.first < pair.second &&
                                          members.contains(pair.first) &&
                                          members.contains(pair.second);
                               }) &&
           has_sound_times(contract, index) && has_sound_round(contract);
}

}  // namespace

bool is_sound(const Ledger& ledger, std::uint64_t index) {
    const Roll& roll = ledger.roll();
    const auto on_roll = [&](const NodeId& node) { return roll.entries().contains(node); };
    return ledger.contracts().size() <= contracts_max && roll.version() <= index &&
           (!roll.founder() || on_roll(*roll.founder())) &&
           std::ranges::all_of(ledger.nodes(),
                               [&](const auto& node) { return on_roll(node.first); }) &&
           std::ranges::all_of(ledger.contracts(), [&](const auto& contract) {
               return is_sound(contract.second, index);
           });
}

}  // namespace starling
