#pragma once

#include <cstdint>
#include <vector>

namespace starling {

/// Who merges which segment: owner_of[s] is an index into the round's members (ascending by id).
struct MergePlan {
    std::vector<std::uint32_t> owner_of;
};

/// What a member of the round's first attempt does in this one.
enum class PlanMember : std::uint8_t {
    merges,       ///< takes part, and may own segments
    contributes,  ///< takes part, and owns none: see Contract::apart
    departed,     ///< is out of it
};

/// Under this many bytes a member the round is bound by latency, and one owner (a star) needs
/// 2(K-1) transfers where even owners need 2K(K-1); above it by bandwidth, and even owners move
/// only 2P(K-1)/K bytes at each member (butterfly all-reduce). Measured crossover between 0.5 MB
/// and 45 MB at 4 to 8 nodes (bench: transport peers).
constexpr std::uint64_t star_bytes_per_member = std::uint64_t{128} * 1024;

/// A pure function of what the ledger says, so every member derives the same plan without a
/// message. Owners rotate with the round, which balances the load. They stay the same over the
/// attempts at a round: a remaining member owns what it owned in the first attempt, so that
/// contributions which have arrived need not be sent again; only the segments of those that do not
/// merge get other owners.
///
/// \param members  of the round's first attempt, ascending by id.  \pre at least one of them merges
MergePlan make_plan(const std::vector<PlanMember>& members, std::uint64_t layout_bytes,
                    std::uint64_t round);
/// Of a round's first attempt, with all its members. \pre member_count >= 1
MergePlan make_plan(std::uint32_t member_count, std::uint64_t layout_bytes, std::uint64_t round);

/// The most that one member of a round must send; as much arrives there. With even owners that is
/// every member, in a star its centre. \pre member_count >= 1
std::uint64_t busiest_member_bytes(std::uint64_t member_count, std::uint64_t layout_bytes);

}  // namespace starling
