#pragma once

#include <optional>

#include "core/ledger/contract.hpp"

namespace starling {

// In most rounds the ledger freezes the members of the round before. A member that has checked in
// therefore begins to exchange with those while the ledger still gathers, and reports nothing until
// the round is frozen. If it is frozen with these members, what was begun is its first attempt;
// otherwise it is given up. Nothing that the ledger or a report says depends on it.

/// Whether an exchange among one list of members merges to the same bytes as among the other: they
/// differ at most in the entries that brought the check-ins, and in addresses.
bool merge_alike(const MemberList& one, const MemberList& other);

/// Whether messages of the frozen attempt have RoundKey::early set: it has the members of the round
/// before, so that some of them may have begun it early. The same for all members, whether they
/// began early or not, since it depends on the view alone.
///
/// \pre view.phase == exchanging
bool has_early_key(const ContractView& view);

/// The members that the ledger is likely to freeze the gathering round with, for this node to begin
/// early. Nothing: others may be frozen, or this node's check-in is another one than the last.
///
/// \param session  of this start of the node
std::optional<MemberList> expected_members(const ContractView& view, const ContractConfig& config,
                                           const NodeId& self, std::uint64_t session,
                                           const CheckIn& check_in);

}  // namespace starling
