#pragma once

#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "core/ledger/command.hpp"
#include "core/sl/round_plan.hpp"
#include "core/wire/ml_messages.hpp"

namespace starling {

/// What every member derives from a view with all members or from a layout, kept for the newest
/// ones. Nodes of one process (a simulation) that share it compute it once for all and not once
/// each; the results are the same as without it. A node that has one of its own gains nothing and
/// loses nothing.
class SharedRounds {
public:
    /// See make_round_plan().
    std::shared_ptr<const RoundPlan> plan(const RoundPlanKey& key);
    /// See joined().
    MemberList all_of(const MemberList& a, const MemberList& b);
    /// The list of which these are the parts, and its digest: see digest_of().
    std::pair<MemberList, Digest> whole_list(const std::vector<MemberList>& parts,
                                             const Hasher& hasher);
    /// See ParamLayout::parse().
    Result<std::shared_ptr<const ParamLayout>> layout(const std::string& text);
    /// See is_sound().
    bool is_sound_view(const ContractView& view);
    /// A copy of the view, which all that have got the same one share.
    std::shared_ptr<const ContractView> copy_of(const ContractView& view);
    /// The same of an ML's request for a session.
    std::shared_ptr<const OpenSession> copy_of(const OpenSession& open);
    /// The same of a model of phantoms, all of which are alike; of another one, itself.
    Segments copy_of(const Segments& model);

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
    struct Whole {
        std::vector<MemberList> parts;
        MemberList list;
        Digest digest;
    };
    // The newest first.
    std::list<Plan> plans_;
    std::list<Joined> joined_;
    std::list<Whole> wholes_;
    std::list<ContractView> sound_;  ///< views that are
    std::list<std::shared_ptr<const ContractView>> copies_;
    std::list<std::shared_ptr<const ParamLayout>> layouts_;
    std::list<std::shared_ptr<const OpenSession>> sessions_;
    std::list<Segments> phantoms_;
};

}  // namespace starling
