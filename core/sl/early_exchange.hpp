#pragma once

#include <optional>

#include "core/ledger/contract.hpp"

namespace starling {

// In most rounds the ledger freezes the members of the round before. A member that has checked in
// therefore begins to exchange with those while the ledger still gathers. If the round is frozen
// with these members, what was begun is its first attempt; otherwise it is given up. Messages of
// such an attempt have RoundKey::early set (may_have_begun_early()), the same for all its members,
// whether they began early or not, since that depends on the view alone.
//
// A member that has merged before it checks in says so in its check-in (CheckInRound::merged). If
// all do, and the round is frozen with the members of the round before, it is committed at once
// (ledger_early.cpp): one way to the SN and back for a round, instead of two.

/// The members that the ledger is likely to freeze the gathering round with, for this node to begin
/// early. Nothing: others may be frozen, or this node's check-in is another one than the last.
///
/// \param session  of this start of the node
std::optional<MemberList> expected_members(const ContractView& view, const ContractConfig& config,
                                           const NodeId& self, std::uint64_t session,
                                           const CheckIn& check_in);

}  // namespace starling
