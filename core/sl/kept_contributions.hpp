#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/lazy_container.hpp"
#include "core/ledger/contract.hpp"

namespace starling {

/// Contributions to a round that have arrived, kept for its next attempt: if a member is lost, the
/// others need not resend theirs. A contribution is identified by its check-in, so that of a
/// restarted member is never mistaken for its earlier one.
class KeptContributions {
public:
    /// A single owner of many members would otherwise keep all their models, and an even owner
    /// almost one: at most half a model is kept, or these bytes if that is more.
    static constexpr std::uint64_t small_bytes = std::uint64_t{16} * 1024 * 1024;

    void keep(const RoundMember& from, std::uint32_t segment, const Blob& body,
              std::uint64_t model_bytes) {
        if (bytes_ + body.size() > std::max(small_bytes, model_bytes / 2)) {
            return;
        }
        if (kept_.change()[{from.id, from.check_in_index}].emplace(segment, body).second) {
            bytes_ += body.size();
        }
    }
    std::optional<Blob> find(const RoundMember& from, std::uint32_t segment) const {
        const auto member = kept_->find({from.id, from.check_in_index});
        if (member == kept_->end()) {
            return std::nullopt;
        }
        const auto found = member->second.find(segment);
        return found == member->second.end() ? std::nullopt : std::optional(found->second);
    }
    /// Contributions to an exchange that began before the members had check-ins: they are those of
    /// the check-ins that the same starts of these members have made since.
    void renumber(const MemberList& expected, const MemberList& frozen) {
        if (kept_->empty()) {
            return;
        }
        for (const RoundMember& member : expected) {
            const RoundMember* const now = frozen.find(member.id);
            if (now != nullptr && now->session == member.session) {
                if (auto kept = kept_.change().extract({member.id, member.check_in_index})) {
                    kept.key().second = now->check_in_index;
                    kept_.change().insert(std::move(kept));
                }
            }
        }
    }
    void clear() {
        kept_.clear();
        bytes_ = 0;
    }

private:
    using Contributor = std::pair<NodeId, std::uint64_t>;  ///< and its check-in
    LazyContainer<std::map<Contributor, std::map<std::uint32_t, Blob>>> kept_;
    std::uint64_t bytes_ = 0;
};

}  // namespace starling
