#pragma once

#include <list>
#include <memory>

#include "core/ledger/contract.hpp"
#include "core/sl/round_plan.hpp"

namespace starling {

/// What every member derives from a view with all members, kept for the newest views. Nodes of one
/// process (a simulation) that share it compute it once for all and not once each; the results are
/// the same as without it. A node that has one of its own gains nothing and loses nothing.
class SharedRounds {
public:
    /// See make_round_plan().
    std::shared_ptr<const RoundPlan> plan(const RoundPlanKey& key);
    /// See joined().
    MemberList all_of(const MemberList& a, const MemberList& b);
    /// See is_sound().
    bool is_sound_view(const ContractView& view);

private:
    struct Plan {
        RoundPlanKey key;
        std::shared_ptr<const RoundPlan> plan;
    };
    struct Joined {
        MemberList a;
        MemberList b;
        MemberList all;
    };
    // The newest first.
    std::list<Plan> plans_;
    std::list<Joined> joined_;
    std::list<ContractView> sound_;  ///< views that are
};

}  // namespace starling
