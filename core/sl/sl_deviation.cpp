// Finds the cause where the merge of this node differs from that of most others.
#include <algorithm>
#include <cstring>

#include "core/sl/sl_state.hpp"

namespace starling {
namespace {

bool same_bytes(const Blob& a, const Blob& b) {
    if (a.size() != b.size() || a.is_phantom() || b.is_phantom()) {
        return a.size() == b.size();  // phantoms have no bytes that could differ
    }
    return std::memcmp(a.view().data(), b.view().data(), a.size()) == 0;
}

}  // namespace

void SlNode::note_own_deviation(const Commit& commit, Outbox& out) {
    Deviation deviation{commit.round, exchange_->merged(), {}};
    for (std::uint32_t segment = 0; segment < deviation.merged.size(); ++segment) {
        deviation.owners.push_back(exchange_->owner_of(segment));
    }
    deviation_ = std::move(deviation);
    out.report(TraceEvent("merge_deviates")
                   .with("round", commit.round)
                   .with("digest", to_string(*merged_digest_))
                   .with("agreed", to_string(commit.digest))
                   .log(Level::error, sl_component,
                        "This node merged round " + std::to_string(commit.round) + " to " +
                            short_text(*merged_digest_) + ", most others to " +
                            short_text(commit.digest) + ": going on from theirs. After " +
                            std::to_string(deviations_max) +
                            " such rounds this node is expelled from the run"));
}

/// Compares this node's segments with those of the agreed model. If one that it merged itself
/// differs, this machine is at fault; if another owner's differs, that owner sent other bytes here
/// than to most, or this machine has changed them since.
void SlNode::name_deviating_owners(Outbox& out) {
    if (!deviation_ || deviation_->round != catch_up_->commit().round) {
        deviation_.reset();
        return;
    }
    std::map<NodeId, std::uint32_t> different;
    const Segments& agreed = catch_up_->segments();
    for (std::size_t at = 0; at < std::min(agreed.size(), deviation_->merged.size()); ++at) {
        if (!same_bytes(agreed[at], deviation_->merged[at])) {
            ++different[deviation_->owners[at]];
        }
    }
    for (const auto& [owner, segments] : different) {
        const bool own = owner == options_.id;
        out.report(
            TraceEvent("segments_deviate")
                .with("round", deviation_->round)
                .with("owner", owner.name)
                .with("segments", segments)
                .log(Level::error, sl_component,
                     std::to_string(segments) +
                         (own ? " segments that this node merged in round "
                              : " segments of owner '" + owner.name + "' in round ") +
                         std::to_string(deviation_->round) + " differ from the swarm's: " +
                         (own ? "check this machine's memory and its program"
                              : "that member sent other bytes here than to most others, or this "
                                "machine's memory is at fault")));
        if (!own && session_ && session_->enrolled) {
            submit(NameFalseMerge{session_->open.contract, session_->run, deviation_->round, owner},
                   out);
        }
    }
    deviation_.reset();
}

}  // namespace starling
