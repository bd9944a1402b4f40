#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/node/outbox.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// The long lists of members that a view names by their digests: those of the newest view are kept,
/// and one that is missing is fetched from the SN, part by part. One request is under way at a
/// time, so an SN does not have to send a list to all members at once. A request or part that is
/// lost is replaced when the SN repeats the view.
class ViewLists {
public:
    /// \param shared  outlives this, as does `hasher`.
    ViewLists(SharedRounds& shared, const Hasher& hasher) : shared_(shared), hasher_(hasher) {}

    /// The view with its lists. Nothing: one is missing, and requested; an earlier view that waited
    /// for its lists is forgotten.
    std::optional<ContractView> take(const NodeId& sn, const ViewUpdate& update, Outbox& out);
    /// The view that waited, if this part was the last that it lacks.
    /// Errc::malformed: the SN sends something else than it has named, and that view is dropped.
    Result<std::optional<ContractView>> take_part(const NodeId& sn, const MemberListPart& part,
                                                  Outbox& out);

private:
    struct Waiting {
        ViewUpdate update;
        Digest list;                    ///< that is being fetched
        std::vector<MemberList> parts;  ///< of it, that are here
        std::uint32_t members = 0;      ///< in them
    };
    const MemberList* find(const Digest& list) const;
    std::optional<ContractView> fill(const NodeId& sn, Outbox& out);

    SharedRounds& shared_;
    const Hasher& hasher_;
    std::vector<std::pair<Digest, MemberList>> held_;
    std::unique_ptr<Waiting> waiting_;  ///< nothing, most of the time
};

}  // namespace starling
