#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "core/ledger/ledger.hpp"

namespace starling {

// What the files that implement Ledger share.

inline Answer accepted(Run run = 0) { return {Errc::ok, "", run}; }
inline Answer denied(Errc code, std::string reason) { return {code, std::move(reason), 0}; }

/// nullptr: none of this name is active.
inline const Member* active_member(const Contract& contract, const NodeId& node) {
    const auto member = contract.members.find(node);
    return member == contract.members.end() || member->second.status != MemberStatus::active
               ? nullptr
               : &member->second;
}

/// How many of the members that report have the model on disk.
inline std::size_t durable_count(const std::vector<MemberReport>& reports) {
    return static_cast<std::size_t>(std::ranges::count_if(reports, &MemberReport::durable));
}

/// Whether the round that gathers can be merged: somebody of weight has checked in.
inline bool has_weight(const Contract& contract) {
    return std::any_of(contract.members.begin(), contract.members.end(), [](const auto& entry) {
        const Member& m = entry.second;
        return m.status == MemberStatus::active && m.check_in && m.check_in->weight > 0;
    });
}

}  // namespace starling
