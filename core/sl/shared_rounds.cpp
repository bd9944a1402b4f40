#include "core/sl/shared_rounds.hpp"

#include <algorithm>
#include <tuple>

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
    return a.phase == b.phase && a.frozen.is_copy_of(b.frozen) && a.holders == b.holders &&
           a.departed == b.departed && (commits || (!a.last_commit && !b.last_commit));
}

/// The lists of both are copies: others are not looked through.
bool is_equal(const ContractView& a, const ContractView& b) {
    const auto parts_of = [](const ContractView& view) {
        return std::tie(view.name, view.run, view.version, view.round, view.attempt,
                        view.checked_in, view.min_peers, view.all_stayed, view.reason);
    };
    const bool alike = parts_of(a) == parts_of(b) && is_the_same(a, b);
    return alike && (!a.last_commit || (a.last_commit->round == b.last_commit->round &&
                                        a.last_commit->attempt == b.last_commit->attempt &&
                                        a.last_commit->digest == b.last_commit->digest &&
                                        a.last_commit->final == b.last_commit->final));
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
    const MemberList list = parts.size() == 1 ? parts.front() : MemberList::of_parts(parts);
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

Result<std::shared_ptr<const ParamLayout>> SharedRounds::layout(const std::string& text) {
    const auto found = std::find_if(layouts_.begin(), layouts_.end(),
                                    [&](const auto& kept) { return kept->text() == text; });
    if (found != layouts_.end()) {
        return *found;
    }
    Result<ParamLayout> layout = ParamLayout::parse(text);
    if (!layout) {
        return layout.error();
    }
    keep(layouts_, std::make_shared<const ParamLayout>(std::move(*layout)));
    return layouts_.front();
}

std::shared_ptr<const ContractView> SharedRounds::copy_of(const ContractView& view) {
    const auto found = std::find_if(copies_.begin(), copies_.end(),
                                    [&](const auto& kept) { return is_equal(*kept, view); });
    if (found != copies_.end()) {
        return *found;
    }
    keep(copies_, std::make_shared<const ContractView>(view));
    return copies_.front();
}

std::shared_ptr<const OpenSession> SharedRounds::copy_of(const OpenSession& open) {
    const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& kept) {
        return kept->contract == open.contract && kept->end_mode == open.end_mode &&
               kept->config == open.config && kept->layout_text == open.layout_text;
    });
    if (found != sessions_.end()) {
        return *found;
    }
    keep(sessions_, std::make_shared<const OpenSession>(open));
    return sessions_.front();
}

Segments SharedRounds::copy_of(const Segments& model) {
    if (!std::ranges::all_of(model, &Blob::is_phantom)) {
        return model;
    }
    const auto found = std::ranges::find_if(phantoms_, [&](const Segments& kept) {
        return std::ranges::equal(kept, model, {}, &Blob::size, &Blob::size);
    });
    if (found != phantoms_.end()) {
        return *found;
    }
    keep(phantoms_, model);
    return model;
}

}  // namespace starling
