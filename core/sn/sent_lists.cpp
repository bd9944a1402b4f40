#include "core/sn/sent_lists.hpp"

#include <algorithm>
#include <utility>

namespace starling {
namespace {

/// Whether a view of some contract has the list.
bool is_current(const MemberList& list, const Ledger& ledger) {
    const auto& contracts = ledger.contracts();
    return std::any_of(contracts.begin(), contracts.end(), [&](const auto& entry) {
        const Contract& contract = entry.second;
        return list.is_copy_of(contract.frozen) ||
               (contract.last_commit && list.is_copy_of(contract.last_commit->members));
    });
}

}  // namespace

ViewUpdate SentLists::update_of(const Contract& contract, const Ledger& ledger) {
    ViewUpdate update{view_of(contract), {}, {}};
    update.frozen_list = name(update.view.frozen, ledger);
    if (update.view.last_commit) {
        update.commit_list = name(update.view.last_commit->members, ledger);
    }
    return update;
}

std::optional<Digest> SentLists::name(MemberList& list, const Ledger& ledger) {
    if (list.size() <= in_view_) {
        return std::nullopt;
    }
    auto known = std::find_if(sent_.begin(), sent_.end(),
                              [&](const Sent& sent) { return sent.list.is_copy_of(list); });
    if (known == sent_.end()) {
        std::erase_if(sent_, [&](const Sent& sent) { return !is_current(sent.list, ledger); });
        sent_.push_back({list, digest_of(list, hasher_), parts_of(list)});
        known = std::prev(sent_.end());
    }
    list.clear();
    return known->digest;
}

std::vector<MemberList> SentLists::parts_of(const MemberList& list) const {
    std::vector<MemberList> parts;
    std::size_t from = 0;
    std::size_t bytes = 0;
    for (std::size_t place = 0; place < list.size(); ++place) {
        const std::size_t more = encoded_size(list[place]);
        if (place > from && bytes + more > part_bytes_) {
            parts.push_back(list.part(from, place - from));
            from = place;
            bytes = 0;
        }
        bytes += more;
    }
    if (parts.empty()) {
        return {list};
    }
    parts.push_back(list.part(from, list.size() - from));
    return parts;
}

MemberListPart SentLists::part_of(const FetchMembers& fetch) const {
    const auto sent = std::find_if(sent_.begin(), sent_.end(),
                                   [&](const Sent& one) { return one.digest == fetch.list; });
    if (sent == sent_.end()) {
        return {fetch.list, 0, 0, {}};
    }
    std::size_t first = 0;
    for (const MemberList& part : sent->parts) {
        if (first == fetch.first) {
            return {fetch.list, static_cast<std::uint32_t>(sent->list.size()), fetch.first, part};
        }
        first += part.size();
    }
    return {fetch.list, 0, 0, {}};
}

}  // namespace starling
