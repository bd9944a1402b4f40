#include "core/sl/shared_rounds.hpp"

#include <algorithm>

namespace starling {
namespace {

/// So many of each kind are kept: those of the newest attempts, of a few contracts.
constexpr std::size_t kept_max = 4;

/// Adds it as the newest, and drops the oldest.
template <typename T>
void keep(std::list<T>& kept, T fresh) {
    if (kept.size() == kept_max) {
        kept.pop_back();
    }
    kept.push_front(std::move(fresh));
}

/// Whether what is_sound() looks at is the same.
bool is_the_same(const ContractView& a, const ContractView& b) {
    const bool commits = a.last_commit.has_value() && b.last_commit.has_value() &&
                         a.last_commit->members.is_copy_of(b.last_commit->members);
    return a.phase == b.phase && a.frozen.is_copy_of(b.frozen) && a.departed == b.departed &&
           (commits || (!a.last_commit && !b.last_commit));
}

}  // namespace

std::shared_ptr<const RoundPlan> SharedRounds::plan(const RoundPlanKey& key) {
    const auto found = std::find_if(plans_.begin(), plans_.end(),
                                    [&](const Plan& kept) { return kept.key == key; });
    if (found != plans_.end()) {
        return found->plan;
    }
    keep(plans_, {key, std::make_shared<const RoundPlan>(make_round_plan(key))});
    return plans_.front().plan;
}

MemberList SharedRounds::all_of(const MemberList& a, const MemberList& b) {
    if (a.is_copy_of(b) || b.empty()) {
        return a;
    }
    const auto found = std::find_if(joined_.begin(), joined_.end(), [&](const Joined& kept) {
        return kept.a.is_copy_of(a) && kept.b.is_copy_of(b);
    });
    if (found != joined_.end()) {
        return found->all;
    }
    keep(joined_, {a, b, joined(a, b)});
    return joined_.front().all;
}

std::pair<MemberList, Digest> SharedRounds::whole_list(const std::vector<MemberList>& parts,
                                                       const Hasher& hasher) {
    const auto found = std::find_if(wholes_.begin(), wholes_.end(), [&](const Whole& kept) {
        return std::equal(kept.parts.begin(), kept.parts.end(), parts.begin(), parts.end(),
                          [](const MemberList& a, const MemberList& b) { return a.is_copy_of(b); });
    });
    if (found != wholes_.end()) {
        return {found->list, found->digest};
    }
    std::vector<RoundMember> all;
    for (const MemberList& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    const MemberList list = parts.size() == 1 ? parts.front() : MemberList(std::move(all));
    keep(wholes_, {parts, list, digest_of(list, hasher)});
    return {list, wholes_.front().digest};
}

bool SharedRounds::is_sound_view(const ContractView& view) {
    if (std::any_of(sound_.begin(), sound_.end(),
                    [&](const ContractView& kept) { return is_the_same(kept, view); })) {
        return true;
    }
    const bool sound = is_sound(view);
    if (sound) {
        keep(sound_, view);
    }
    return sound;
}

}  // namespace starling
