// What an exchange requests of its partners, and of how many at once.
#include "core/sl/exchange.hpp"

namespace starling {

void Exchange::request_within_window(SwarmTime now, Outbox& out) {
    std::size_t sending = 0;
    for (const auto& [id, partner] : states_) {
        sending += partner.up && partner.in_window && !partner.contributions.empty() ? 1U : 0U;
    }
    for (auto& [id, partner] : states_) {
        if (sending >= fan_in_window) {
            return;
        }
        if (partner.up && !partner.in_window && !partner.contributions.empty()) {
            partner.in_window = true;
            partner.waiting_since = now;
            partner.last_segment = now;
            partner.last_progress = now;
            ++sending;
            send_fetch(id, partner, SegmentKind::contribution, out);
        }
    }
}

void Exchange::request_missing(SwarmTime now, const NodeId& peer, Partner& partner,
                               Outbox& out) const {
    partner.last_segment = now;
    send_fetch(peer, partner, SegmentKind::merged, out);
    if (partner.in_window) {
        send_fetch(peer, partner, SegmentKind::contribution, out);
    }
}

void Exchange::send_fetch(const NodeId& to, Partner& partner, SegmentKind kind, Outbox& out) const {
    partner.probe_at_request = partner.probe;
    const std::set<std::uint32_t>& missing =
        kind == SegmentKind::merged ? partner.merged : partner.contributions;
    FetchSegments fetch{setup_.key, kind, {}};
    const auto flush = [&] {
        if (!fetch.ranges.empty()) {
            out.send(to, fetch);
            fetch.ranges.clear();
        }
    };
    for (const std::uint32_t segment : missing) {
        if (!fetch.ranges.empty() &&
            fetch.ranges.back().first + fetch.ranges.back().count == segment) {
            ++fetch.ranges.back().count;
            continue;
        }
        if (fetch.ranges.size() == ranges_per_fetch_max) {
            flush();
        }
        fetch.ranges.push_back({segment, 1});
    }
    flush();
}

}  // namespace starling
