#include "core/sl/view_lists.hpp"

#include <algorithm>

namespace starling {

const MemberList* ViewLists::find(const Digest& list) const {
    const auto held = std::find_if(held_.begin(), held_.end(),
                                   [&](const auto& one) { return one.first == list; });
    return held == held_.end() ? nullptr : &held->second;
}

std::optional<ContractView> ViewLists::take(const NodeId& sn, const ViewUpdate& update,
                                            Outbox& out) {
    if (!waiting_) {
        waiting_ = std::make_unique<Waiting>();
    }
    waiting_->update = update;  // parts that are here may still be of use
    return fill(sn, out);
}

/// The waiting view, if its lists are here; else requests the next part of one that is missing.
std::optional<ContractView> ViewLists::fill(const NodeId& sn, Outbox& out) {
    const ViewUpdate& update = waiting_->update;
    std::vector<std::pair<Digest, MemberList>> named;
    for (const std::optional<Digest>& list : {update.commit_list, update.frozen_list}) {
        if (!list) {
            continue;
        }
        const MemberList* const held = find(*list);
        if (held == nullptr) {
            if (waiting_->list != *list) {
                waiting_->list = *list;
                waiting_->parts.clear();
                waiting_->members = 0;
            }
            out.send(sn, FetchMembers{*list, waiting_->members});
            return std::nullopt;
        }
        named.emplace_back(*list, *held);
    }
    ContractView view = std::move(waiting_->update.view);
    if (update.frozen_list) {
        view.frozen = *find(*update.frozen_list);
    }
    if (update.commit_list && view.last_commit) {
        view.last_commit->members = *find(*update.commit_list);
    }
    held_ = std::move(named);
    waiting_.reset();
    return view;
}

Result<ViewLists::Taken> ViewLists::refuse(const char* reason) {
    waiting_.reset();
    return Error{Errc::malformed, reason};
}

void ViewLists::hold(const Digest& digest, const MemberList& list) {
    const ViewUpdate& update = waiting_->update;
    std::erase_if(held_, [&](const auto& one) {
        return one.first != update.commit_list && one.first != update.frozen_list;
    });
    held_.emplace_back(digest, list);
}

Result<ViewLists::Taken> ViewLists::take_part(const NodeId& sn, const MemberListPart& part,
                                              Outbox& out) {
    if (!waiting_ || part.list != waiting_->list) {
        return Taken{};
    }
    if (part.total == 0) {
        waiting_.reset();
        return Taken{{}, false, true};
    }
    if (part.first != waiting_->members) {
        return Taken{};  // it was requested twice
    }
    const bool first = waiting_->members == 0;
    if (part.members.empty() || part.total > members_max ||
        (!first && part.total != waiting_->total) ||
        part.members.size() > part.total - waiting_->members) {
        return refuse("a part of a list of members has no place in it");
    }
    waiting_->total = part.total;
    waiting_->members += static_cast<std::uint32_t>(part.members.size());
    waiting_->parts.push_back(part.members);
    if (waiting_->members == waiting_->total) {
        const auto [whole, digest] = shared_.whole_list(waiting_->parts, hasher_);
        if (digest != part.list) {
            return refuse("a list of members has another digest than the view says");
        }
        hold(digest, whole);
        waiting_->list.reset();
    }
    return Taken{fill(sn, out), true, false};
}

}  // namespace starling
