#include "core/sl/early_exchange.hpp"

#include <algorithm>

namespace starling {

bool merge_alike(const MemberList& one, const MemberList& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const RoundMember& a, const RoundMember& b) {
                          return a.id == b.id && a.weight == b.weight && a.merges == b.merges &&
                                 a.site == b.site && a.session == b.session;
                      });
}

bool has_early_key(const ContractView& view) {
    return view.frozen.size() <= early_members_max && view.attempt == 0 && view.departed.empty() &&
           view.last_commit && view.last_commit->round + 1 == view.round &&
           merge_alike(view.frozen, view.last_commit->members);
}

std::optional<MemberList> expected_members(const ContractView& view, const ContractConfig& config,
                                           const NodeId& self, std::uint64_t session,
                                           const CheckIn& check_in) {
    if (view.phase != ContractPhase::gathering || view.attempt != 0 || !view.last_commit ||
        view.last_commit->round + 1 != view.round || !view.all_stayed || !view.holders.empty()) {
        return std::nullopt;
    }
    const MemberList& members = view.last_commit->members;
    const RoundMember* const own = members.find(self);
    // Without a grace period the first min_peers are frozen, whoever they are.
    const bool waits_for_all = config.grace_ns > 0 || members.size() <= config.min_peers;
    const bool refused = check_in.non_finite && config.non_finite == NonFinitePolicy::refuse;
    if (own == nullptr || own->session != session || own->weight != check_in.weight || refused ||
        !waits_for_all || members.size() < 2 || members.size() > early_members_max) {
        return std::nullopt;
    }
    // is_sound() asks this of frozen lists only, and an SN may lie.
    return can_merge(members) ? std::optional(members) : std::nullopt;
}

}  // namespace starling
