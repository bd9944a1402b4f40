#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/ledger/ledger.hpp"

namespace starling {

/// Two members of an attempt, the smaller id first.
using MemberPair = std::pair<NodeId, NodeId>;

/// Who waits for whom in an attempt, by what its members say; the fault may be on either side.
struct StalledPairs {
    std::set<MemberPair> all;
    /// Of the others, where the one that owes merged segments, named second, has not reported:
    /// it may wait for contributions itself. Filled on request only, like `waiting`: while a large
    /// swarm exchanges, each member waits for each owner.
    std::set<MemberPair> unmerged;
    std::set<NodeId> waiting;      ///< members that wait for another one
    std::set<MemberPair> refused;  ///< no connection, for a certificate
};

/// How long the two members of a pair may keep an attempt waiting while bytes move.
///
/// That is attempt_limit(); half of it if one of the two is kept apart from another member of the
/// attempt, and a quarter if from more: see attempt_limit_parts. So a member that delays rounds
/// with one other member after the other has the whole limit only once.
class PairLimits {
public:
    explicit PairLimits(const Contract& contract);

    SwarmDuration of(const MemberPair& pair) const;
    SwarmDuration of_attempt() const { return whole_; }
    /// No pair has less.
    SwarmDuration shortest() const { return whole_ / attempt_limit_parts; }
    /// Those of the pairs whose limit is over in an attempt that is so old.
    std::set<MemberPair> overdue(const std::set<MemberPair>& pairs, SwarmDuration age) const;

private:
    SwarmDuration whole_;                       ///< attempt_limit()
    std::map<NodeId, std::size_t> apart_from_;  ///< how many others of the attempt
};

/// In parts of rounds_per_holdup; 0 for a member that has delayed no round.
std::uint32_t holdups_of(const Contract& contract, const NodeId& node);

/// Of the members in `pairs` the one that exchanges nothing with most others of the attempt, in
/// this run so far, and those others; of equals the one that has held up more of the run.
/// \pre there are pairs
std::pair<NodeId, std::vector<NodeId>> most_blamed(const std::set<MemberPair>& pairs,
                                                   const Contract& contract);

/// Pairs of which each one waits for merged segments of the other: nothing moves between them.
std::set<MemberPair> owed_by_both(const std::set<MemberPair>& unmerged);

/// Whoever waited for contributions would have said so by now: owners that send no merged segments
/// have what they need. A tree's relay that waits for an owner says so, and is not at fault.
///
/// \param unmerged  pairs of which the second one owes merged segments to the first
/// \return  those in which it waits for nobody itself; all, if each of them says that it waits
std::set<MemberPair> owed_by_the_last(const std::set<MemberPair>& unmerged,
                                      const std::set<NodeId>& waiting);

/// Whether one member could merge still, if `node` were kept apart from `others`. After an attempt
/// without a majority only one merges, and another one can take its place: see
/// Ledger::choose_owners().
bool leaves_an_owner(const Contract& contract, const NodeId& node,
                     const std::vector<NodeId>& others);

}  // namespace starling
