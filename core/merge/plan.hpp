#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// How the members of a round exchange segments. `automatic` is a contract's choice only: a plan is
/// one of the others. Travels on the wire: do not renumber.
enum class ExchangePlan : std::uint8_t {
    automatic = 1,  ///< chosen from the ledger: see make_plan()
    star = 2,       ///< one member merges all segments
    butterfly = 3,  ///< each member merges an equal part of the segments
    /// Each member merges an equal part, and sends it once to each group of members, where one of
    /// them sends it to the others.
    tree = 4,
};

std::string_view to_string(ExchangePlan plan);
/// auto, star, butterfly or tree.
Result<ExchangePlan> parse_exchange_plan(std::string_view text);

/// Who merges which segment, and who gets it from whom. Members are indices into the round's
/// members, ascending by id.
struct MergePlan {
    ExchangePlan kind = ExchangePlan::star;
    std::string reason;                   ///< why this kind, for people
    std::uint64_t turn = 0;               ///< of the members as owners and relays: the round
    std::vector<std::uint32_t> owner_of;  ///< who merges it, for each segment

    // Of a tree.
    std::vector<std::uint32_t> group_of;  ///< for each member
    /// For each group its members that may pass on segments: of those that merge all, or as many as
    /// tree_owners_max() allows.
    std::vector<std::vector<std::uint32_t>> relays;

    /// The member from which that group gets the merged segment: its owner, if it is in the group;
    /// else the group's relay for it. Relays go around with the segments and rounds.
    std::uint32_t relay_of(std::uint32_t segment, std::uint32_t group) const;
    /// From whom the member gets the merged segment. \pre the member is not the owner
    std::uint32_t source_of(std::uint32_t segment, std::uint32_t member) const;
    /// "tree of 4 groups, since ...".
    std::string text() const;
};

/// What a member of the round's first attempt does in this one.
enum class PlanPart : std::uint8_t {
    merges,       ///< takes part, and may own segments
    contributes,  ///< takes part, and owns none: see Contract::apart
    departed,     ///< takes no part any more
};
struct PlanMember {
    PlanMember(PlanPart does, std::string at = {}) : part(does), site(std::move(at)) {}

    PlanPart part;
    std::string site;  ///< see RoundMember::site
};

/// Under this many bytes a member the round is bound by latency, and one owner (a star) needs
/// 2(K-1) transfers where even owners need 2K(K-1); above it by bandwidth, and even owners move
/// only 2P(K-1)/K bytes at each member (butterfly all-reduce). The crossover was measured between
/// 0.5 MB and 45 MB at 4 to 8 nodes (bench: transport peers).
constexpr std::uint64_t star_bytes_per_member = std::uint64_t{128} * 1024;
/// From this many members on an owner of a whole segment has more copies to send than a tree needs
/// time for its second level: see DECISIONS.md.
constexpr std::uint64_t tree_members = 32;
/// Connections between members and owners of a tree, and as many again between members and the
/// relays of their groups: what is merged in parallel is bounded by what all those connections
/// cost. See DECISIONS.md.
constexpr std::uint64_t tree_connections = 40'000;

/// In a tree of more members than this the owners stay the same for so many rounds: others cost
/// every member new connections.
constexpr std::uint64_t steady_tree_members = 1000;
constexpr std::uint64_t steady_tree_rounds = 32;

/// Owners of a tree's segments, at most, and relays of each of its groups.
constexpr std::uint64_t tree_owners_max(std::uint64_t members) {
    constexpr std::uint64_t fewest = 4;
    const std::uint64_t affordable = tree_connections / (members == 0 ? 1 : members);
    return affordable < fewest ? fewest : affordable;
}

/// A pure function of what the ledger says, so every member derives the same plan without a
/// message. Owners rotate with the round, which balances the load. They stay the same over the
/// attempts at a round: a remaining member owns what it owned in the first attempt, so that
/// contributions which have arrived need not be sent again; only the segments of those that do not
/// merge get other owners.
///
/// The groups of a tree are the members' sites; of members without a site, or if all have the same,
/// about sqrt(K) groups in the order of ids.
///
/// \param members  of the round's first attempt, ascending by id.  \pre at least one of them merges
/// \param exchange  the contract's choice.
/// \param each  bytes of a segment.
MergePlan make_plan(const std::vector<PlanMember>& members, std::uint64_t layout_bytes,
                    std::uint64_t round, ExchangePlan exchange = ExchangePlan::automatic,
                    std::uint64_t each = segment_bytes);
/// Of a round's first attempt, with all its members. \pre member_count >= 1
MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round,
                    ExchangePlan exchange = ExchangePlan::automatic);

/// The most that one member of a round must send; as much arrives there. With even owners that is
/// every member, in a star its centre; relays of a tree send the model once more. Sites are not
/// considered. \pre member_count >= 1
std::uint64_t busiest_member_bytes(std::uint64_t member_count, std::uint64_t layout_bytes,
                                   ExchangePlan exchange = ExchangePlan::automatic);

}  // namespace starling
