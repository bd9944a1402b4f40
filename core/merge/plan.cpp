#include "core/merge/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/choice.hpp"
#include "core/base/invariant.hpp"
#include "core/base/size_text.hpp"
#include "core/params/segments.hpp"

namespace starling {
namespace {

constexpr ExchangePlan exchange_plans[] = {ExchangePlan::automatic, ExchangePlan::star,
                                           ExchangePlan::butterfly, ExchangePlan::tree};

/// The numbers of members that take part at each site; members without a site are left out.
std::map<std::string, std::size_t> sites_of(const std::vector<PlanMember>& members) {
    std::map<std::string, std::size_t> sites;
    for (const PlanMember& member : members) {
        if (!member.site.empty() && member.part != PlanPart::departed) {
            ++sites[member.site];
        }
    }
    return sites;
}

struct Choice {
    ExchangePlan kind;
    std::string reason;
};

/// Of a round with so many members in its first attempt.
///
/// \param sites  at which members are; 0 or 1 if that says nothing about who is near.
Choice choose(ExchangePlan exchange, std::uint64_t members, std::size_t sites,
              std::uint64_t layout_bytes, std::uint32_t segments) {
    if (exchange != ExchangePlan::automatic) {
        return {exchange, "the contract selects it"};
    }
    const std::string count = std::to_string(members) + " members";
    if (sites > 1 && members > sites) {
        return {ExchangePlan::tree, count + " are at " + std::to_string(sites) + " sites"};
    }
    if (members >= tree_members && members > segments) {
        return {ExchangePlan::tree, count + " are more than the model's " +
                                        std::to_string(segments) +
                                        (segments == 1 ? " segment" : " segments")};
    }
    const std::string size = size_text(layout_bytes);
    const std::string limit = size_text(star_bytes_per_member) + " for each of " + count;
    return layout_bytes < star_bytes_per_member * members
               ? Choice{ExchangePlan::star, size + " are less than " + limit}
               : Choice{ExchangePlan::butterfly, size + " are at least " + limit};
}

/// Of a tree without sites, about.
std::uint64_t group_size(std::uint64_t members) {
    return std::max<std::uint64_t>(
        2, static_cast<std::uint64_t>(std::lround(std::sqrt(static_cast<double>(members)))));
}

/// Members of the first attempt, as numbers of their groups.
std::vector<std::uint32_t> groups_of(const std::vector<PlanMember>& members,
                                     const std::map<std::string, std::size_t>& sites) {
    const bool by_site = sites.size() > 1;
    // The ledger keeps no site of those that have departed.
    const auto is_ordered = [&](const PlanMember& member) {
        return !by_site || member.part != PlanPart::departed;
    };
    std::uint64_t others = 0;  // that are grouped in the order of their ids
    std::map<std::string, std::uint32_t> number_of;
    for (const PlanMember& member : members) {
        if (by_site && sites.contains(member.site)) {
            number_of.emplace(member.site, 0);
        } else if (is_ordered(member)) {
            ++others;
        }
    }
    std::uint32_t next = 0;
    for (auto& [site, number] : number_of) {
        number = next++;
    }
    const std::uint64_t groups = std::max<std::uint64_t>(1, others / group_size(others));
    std::vector<std::uint32_t> group_of;
    std::uint64_t seen = 0;
    for (const PlanMember& member : members) {
        if (by_site && sites.contains(member.site)) {
            group_of.push_back(number_of.at(member.site));
        } else if (is_ordered(member)) {
            group_of.push_back(next + static_cast<std::uint32_t>(seen++ * groups / others));
        } else {
            group_of.push_back(0);
        }
    }
    return group_of;
}

/// Indices of the first attempt's members in the present one, and those that merge.
struct Present {
    std::vector<std::uint32_t> index;
    std::vector<std::uint32_t> owners;
};

Present present_of(const std::vector<PlanMember>& members) {
    Present present;
    std::uint32_t next = 0;
    for (const PlanMember& member : members) {
        present.index.push_back(next);
        if (member.part == PlanPart::merges) {
            present.owners.push_back(next);
        }
        next += member.part == PlanPart::departed ? 0U : 1U;
    }
    return present;
}

/// Keeps `count` of them; which ones changes with the turn.
void keep_some(std::vector<std::uint32_t>& relays, std::uint64_t count, std::uint64_t turn) {
    if (relays.size() > count) {
        const std::uint64_t first = turn * count % relays.size();
        std::rotate(relays.begin(), relays.begin() + static_cast<std::ptrdiff_t>(first),
                    relays.end());
        relays.resize(count);
        std::sort(relays.begin(), relays.end());
    }
}

void make_groups(const std::vector<PlanMember>& members, MergePlan& plan) {
    const std::vector<std::uint32_t> groups = groups_of(members, sites_of(members));
    plan.relays.resize(1 + *std::max_element(groups.begin(), groups.end()));
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].part == PlanPart::merges) {
            plan.relays[groups[i]].push_back(static_cast<std::uint32_t>(plan.group_of.size()));
        }
        if (members[i].part != PlanPart::departed) {
            plan.group_of.push_back(groups[i]);
        }
    }
    for (std::vector<std::uint32_t>& relays : plan.relays) {
        keep_some(relays, tree_owners_max(members.size()), plan.turn);
    }
}

/// Parts into which the model's segments are divided, one for each owner. With fewer
/// segments than parts, some parts are empty.
std::uint64_t slices_of(ExchangePlan kind, std::uint64_t members, std::uint32_t segments) {
    const std::uint64_t most = tree_owners_max(members);
    return kind == ExchangePlan::tree && std::min<std::uint64_t>(members, segments) > most
               ? most
               : members;
}

}  // namespace

std::string_view to_string(ExchangePlan plan) {
    switch (plan) {
        case ExchangePlan::automatic:
            return "auto";
        case ExchangePlan::star:
            return "star";
        case ExchangePlan::butterfly:
            return "butterfly";
        case ExchangePlan::tree:
            return "tree";
    }
    return "unknown";
}

Result<ExchangePlan> parse_exchange_plan(std::string_view text) {
    return parse_choice(text, exchange_plans, "is not an exchange plan");
}

std::uint32_t MergePlan::relay_of(std::uint32_t segment, std::uint32_t group) const {
    const std::uint32_t owner = owner_of[segment];
    const std::vector<std::uint32_t>& candidates = relays[group];
    if (group_of[owner] == group || candidates.empty()) {
        return owner;
    }
    return candidates[(turn + segment) % candidates.size()];
}

std::uint32_t MergePlan::source_of(std::uint32_t segment, std::uint32_t member) const {
    if (kind != ExchangePlan::tree) {
        return owner_of[segment];
    }
    const std::uint32_t relay = relay_of(segment, group_of[member]);
    return relay == member ? owner_of[segment] : relay;
}

std::string MergePlan::text() const {
    const std::string groups =
        kind == ExchangePlan::tree ? " of " + std::to_string(relays.size()) + " groups" : "";
    return std::string(to_string(kind)) + groups + ", since " + reason;
}

MergePlan make_plan(const std::vector<PlanMember>& members, std::uint64_t layout_bytes,
                    std::uint64_t round, ExchangePlan exchange, std::uint64_t each) {
    const std::uint32_t segments = segment_count(layout_bytes, each);
    const std::uint64_t first_count = members.size();
    const Present present = present_of(members);
    const std::vector<std::uint32_t>& owners = present.owners;
    STARLING_INVARIANT(!owners.empty(), "a frozen round has a member that merges");
    MergePlan plan;
    auto [kind, reason] =
        choose(exchange, first_count, sites_of(members).size(), layout_bytes, segments);
    plan.kind = kind;
    plan.reason = std::move(reason);
    const bool steady = kind == ExchangePlan::tree && first_count > steady_tree_members;
    plan.turn = steady ? round / steady_tree_rounds : round;
    if (kind == ExchangePlan::tree) {
        make_groups(members, plan);
    }
    const std::uint64_t first = plan.turn % first_count;
    const bool star = kind == ExchangePlan::star;
    const std::uint64_t slices = slices_of(kind, first_count, segments);
    plan.owner_of.reserve(segments);
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        // Neighbouring segments have one owner, so a member asks each owner for one range.
        const std::uint64_t slice = star ? 0 : std::uint64_t{segment} * slices / segments;
        const std::uint64_t owner = (first + slice * first_count / slices) % first_count;
        if (members[owner].part == PlanPart::merges) {
            plan.owner_of.push_back(present.index[owner]);
            continue;
        }
        // Its slice is spread over those that merge.
        const std::uint64_t begin = (slice * segments + slices - 1) / slices;
        const std::uint64_t end = ((slice + 1) * segments + slices - 1) / slices;
        const std::uint64_t share =
            star ? 0 : (segment - begin) * owners.size() / std::max<std::uint64_t>(end - begin, 1);
        plan.owner_of.push_back(owners[(owner + share) % owners.size()]);
    }
    return plan;
}

std::uint64_t busiest_member_bytes(std::uint64_t member_count, std::uint64_t layout_bytes,
                                   ExchangePlan exchange) {
    const std::uint32_t segments = segment_count(layout_bytes);
    const ExchangePlan kind = choose(exchange, member_count, 0, layout_bytes, segments).kind;
    const std::uint64_t owners =
        kind == ExchangePlan::star
            ? 1
            : std::clamp<std::uint64_t>(segments, 1, slices_of(kind, member_count, segments));
    const std::uint64_t owned = (layout_bytes + owners - 1) / owners;  // and its contributions
    std::uint64_t copies = 0;  // of the model, that a relay sends
    if (kind == ExchangePlan::tree) {
        const std::uint64_t relays = tree_owners_max(member_count);
        copies = (group_size(member_count) + relays - 1) / relays;
    }
    return (member_count - 1) * owned + (layout_bytes - owned) + copies * layout_bytes;
}

MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round,
                    ExchangePlan exchange) {
    return make_plan(std::vector<PlanMember>(member_count, PlanPart::merges), layout_bytes, round,
                     exchange);
}

}  // namespace starling
