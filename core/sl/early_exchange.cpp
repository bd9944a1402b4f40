#include "core/sl/early_exchange.hpp"

namespace starling {

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
