// What an exchange requests of its partners, and of how many at once.
#include <algorithm>
#include <limits>

#include "core/sl/exchange.hpp"

namespace starling {

/// Once half of the window is merged, so that segments are requested several at a time. The own
/// contributions to it are encoded here: those of a whole large model would take seconds.
///
/// \return  whether there are more segments in it now.
bool Exchange::open_window(Outbox& out) {
    const std::uint64_t each = layout().segment_bytes() * contributors().size();
    const auto room = std::max<std::uint64_t>(2, contribution_window_bytes / each);
    const auto next =
        std::lower_bound(owned_segments().begin(), owned_segments().end(), contributions_below_);
    if (next == owned_segments().end() || 2 * open_ > room) {
        return false;
    }
    auto end = next;
    for (; end != owned_segments().end() && open_ < room; ++end) {
        open_ += merged_.has(*end) ? 0U : 1U;
    }
    contributions_below_ =
        end == owned_segments().end() ? std::numeric_limits<std::uint32_t>::max() : *end;
    for (auto segment = next; segment != end; ++segment) {
        contribute_own(*segment, out);
    }
    return true;
}

/// Has to be called after every change of what is needed of the partner, of its connection, and of
/// the window.
void Exchange::note_window(Partner& partner) {
    const bool may_send = partner.up && contributes(partner);
    const bool sending = may_send && partner.in_window;
    sending_ = sending_ + (sending ? 1U : 0U) - (partner.sending ? 1U : 0U);
    partner.sending = sending;
    partner.queued = may_send && !partner.in_window;
    if (partner.queued) {
        queued_from_ = std::min(queued_from_, static_cast<std::uint32_t>(&partner - &states_[0]));
    }
}

void Exchange::request_within_window(SwarmTime now, Outbox& out) {
    for (; sending_ < fan_in_window && queued_from_ < states_.size(); ++queued_from_) {
        Partner& partner = states_[queued_from_];
        if (!partner.queued) {
            continue;
        }
        partner.in_window = true;
        note_window(partner);
        resume_waiting(now, partner);
        send_fetch(id_at(queued_from_), partner, SegmentKind::contribution, out);
    }
}

/// Its rate counts the time only in which it was waited for. \pre  something is needed of it
void Exchange::resume_waiting(SwarmTime now, Partner& partner) {
    Partner::Needed& needed = *partner.needed;
    needed.waiting_since =
        partner.bytes_awaited() == 0 ? now : needed.waiting_since + (now - needed.last_progress);
    needed.last_segment = now;
    needed.last_progress = now;
}

void Exchange::request_missing(SwarmTime now, const NodeId& peer, Partner& partner,
                               Outbox& out) const {
    partner.note_segment(now);
    send_fetch(peer, partner, SegmentKind::merged, out);
    if (partner.in_window) {
        send_fetch(peer, partner, SegmentKind::contribution, out);
    }
}

/// \param from  the first segment that may be requested.
void Exchange::send_fetch(const NodeId& to, Partner& partner, SegmentKind kind, Outbox& out,
                          std::uint32_t from) const {
    if (partner.rare) {
        partner.rare->probe_at_request = partner.rare->probe;
    }
    const SegmentSet& missing =
        kind == SegmentKind::merged ? partner.merged() : partner.contributions();
    const std::uint32_t below = kind == SegmentKind::contribution
                                    ? contributions_below_
                                    : std::numeric_limits<std::uint32_t>::max();
    FetchSegments fetch{wire_key(), kind, {}};
    const auto flush = [&] {
        if (!fetch.ranges.empty()) {
            out.send(to, fetch);
            fetch.ranges.clear();
        }
    };
    for (const SegmentSet::Range& range : missing.ranges()) {
        const std::uint32_t begin = std::max(range.begin, from);
        const std::uint32_t end = std::min(range.end, below);
        if (begin >= end) {
            continue;
        }
        if (fetch.ranges.size() == ranges_per_fetch_max) {
            flush();
        }
        fetch.ranges.push_back({begin, end - begin});
    }
    flush();
}

}  // namespace starling
