#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/node/outbox.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// The long lists of members that a view names by their digests: those of the newest view are kept,
/// and one that is missing is fetched from the SN, part by part, with one request under way at a
/// time. A request or part that is lost is replaced when the SN repeats the view.
class ViewLists {
public:
    /// \param shared  outlives this, as does `hasher`.
    ViewLists(SharedRounds& shared, const Hasher& hasher) : shared_(shared), hasher_(hasher) {}

    /// The view with its lists. Nothing: one is missing, and requested; an earlier view that waited
    /// for its lists is forgotten.
    std::optional<ContractView> take(const NodeId& sn, const ViewUpdate& update, Outbox& out);
    /// What a part has led to.
    struct Taken {
        std::optional<ContractView> view;  ///< that waited, if this was the last part that it lacks
        bool of_use = false;               ///< the part was awaited
        bool gone =
            false;  ///< the SN has no such list any more: its newest view is to be asked for
    };
    /// Errc::malformed: the SN sends something else than it has named, and that view is dropped.
    Result<Taken> take_part(const NodeId& sn, const MemberListPart& part, Outbox& out);
    /// Whether a view that waits for its lists is at least as new.
    bool awaits(std::uint64_t version) const {
        return waiting_ && waiting_->update.view.version >= version;
    }

private:
    struct Waiting {
        ViewUpdate update;
        std::optional<Digest> list;     ///< that is being fetched
        std::vector<MemberList> parts;  ///< of it, that are here
        std::uint32_t members = 0;      ///< in them
        std::uint32_t total = 0;        ///< of the list, as its first part says
    };
    const MemberList* find(const Digest& list) const;
    Result<Taken> refuse(const char* reason);
    /// Keeps a list, and none that the waiting view does not name.
    void hold(const Digest& digest, const MemberList& list);
    std::optional<ContractView> fill(const NodeId& sn, Outbox& out);

    SharedRounds& shared_;
    const Hasher& hasher_;
    std::vector<std::pair<Digest, MemberList>> held_;  ///< of the newest view, and the waiting one
    std::unique_ptr<Waiting> waiting_;                 ///< nothing, most of the time
};

}  // namespace starling
