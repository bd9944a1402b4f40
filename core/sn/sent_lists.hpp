#pragma once

#include <vector>

#include "core/base/hasher.hpp"
#include "core/ledger/ledger.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// Long lists of members as an SN sends them: a view has the digest of such a list, and members
/// fetch the list in parts when they lack it. Kept are the lists that contracts' views have now.
class SentLists {
public:
    /// \param in_view  members of a list that a view holds itself, at most
    /// \param part_bytes  of a part, at most, or of its only member
    SentLists(const Hasher& hasher, std::size_t in_view, std::size_t part_bytes)
        : hasher_(hasher), in_view_(in_view), part_bytes_(part_bytes) {}

    /// \param contract  one of the ledger's
    ViewUpdate update_of(const Contract& contract, const Ledger& ledger);
    /// \return  of no members in all: no view has that list any more, or no part begins there.
    MemberListPart part_of(const FetchMembers& fetch) const;

private:
    struct Sent {
        MemberList list;
        Digest digest;
        std::vector<MemberList> parts;
    };
    /// Replaces a long list by its digest.
    std::optional<Digest> name(MemberList& list, const Ledger& ledger);
    std::vector<MemberList> parts_of(const MemberList& list) const;

    const Hasher& hasher_;
    std::size_t in_view_;
    std::size_t part_bytes_;
    std::vector<Sent> sent_;
};

}  // namespace starling
