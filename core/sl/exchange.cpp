#include "core/sl/exchange.hpp"

#include <algorithm>

namespace starling {
namespace {

/// A transport never loses a frame without telling, so silence means a slow link: asking again
/// costs the segments twice. 5 s without one segment of 256 KiB is less than 0.5 Mbit/s.
constexpr SwarmDuration first_patience = std::chrono::seconds(5);
constexpr SwarmDuration longest_patience = std::chrono::seconds(60);
constexpr std::size_t ranges_per_fetch = 4096;
/// A certificate may be on its way, so not at once; nor does each try cost the ledger entries.
constexpr SwarmDuration refusal_patience = std::chrono::seconds(5);

}  // namespace

Exchange::Exchange(ExchangeSetup setup)
    : setup_(std::move(setup)),
      plan_(make_plan(static_cast<std::uint32_t>(setup_.members.size()),
                      setup_.layout->size_bytes(), setup_.key.round, setup_.key.attempt)) {
    const std::size_t segments = plan_.owner_of.size();
    STARLING_INVARIANT(setup_.own.size() == segments,
                       "the ML's parameters were cut by the same layout");
    merged_.resize(segments);
    have_merged_.resize(segments, false);
    std::set<std::uint32_t> owners(plan_.owner_of.begin(), plan_.owner_of.end());
    bool found = false;
    for (std::uint32_t i = 0; i < setup_.members.size(); ++i) {
        if (setup_.members[i].id == setup_.self) {
            self_ = i;
            found = true;
        }
        if (setup_.members[i].weight > 0) {
            contributors_.push_back(i);
            weights_.push_back(setup_.members[i].weight);
        }
    }
    STARLING_INVARIANT(found, "only a member of the round exchanges");
    STARLING_INVARIANT(!contributors_.empty(), "a round is frozen with weight only");
    for (std::uint32_t i = 0; i < setup_.members.size(); ++i) {
        if (i != self_ && (owners.count(i) > 0 || owners.count(self_) > 0)) {
            partners_.push_back(setup_.members[i]);
            states_[setup_.members[i].id] = Partner{};
        }
    }
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        if (!owned(segment)) {
            states_[setup_.members[plan_.owner_of[segment]].id].merged.insert(segment);
            continue;
        }
        assemblies_[segment] = {std::vector<Blob>(contributors_.size()), weights_, 0};
        for (const std::uint32_t contributor : contributors_) {
            if (contributor != self_) {
                states_[setup_.members[contributor].id].contributions.insert(segment);
            }
        }
    }
}

void Exchange::start(SwarmTime now, const std::set<NodeId>& up, std::vector<Effect>& effects) {
    for (std::size_t c = 0; c < contributors_.size(); ++c) {
        if (contributors_[c] == self_) {
            for (std::uint32_t segment = 0; segment < plan_.owner_of.size(); ++segment) {
                if (owned(segment)) {
                    contribute(segment, c, setup_.own[segment], effects);
                }
            }
        }
    }
    for (auto& [id, partner] : states_) {
        partner.last_arrival = now;
    }
    for (const RoundMember& partner : partners_) {
        if (up.count(partner.id) > 0) {
            on_peer_up(now, partner.id, effects);
        }
    }
}

void Exchange::on_peer_up(SwarmTime now, const NodeId& peer, std::vector<Effect>& effects) {
    const auto found = states_.find(peer);
    if (found == states_.end()) {
        return;
    }
    found->second.up = true;
    found->second.patience = first_patience;
    ask(now, peer, found->second, effects);
    admit(now, effects);
}

void Exchange::on_peer_lost(const NodeId& peer) {
    const auto found = states_.find(peer);
    if (found != states_.end()) {
        found->second.up = false;
        found->second.owed.clear();  // it asks again when it is back
    }
}

void Exchange::admit(SwarmTime now, std::vector<Effect>& effects) {
    std::size_t sending = 0;
    for (const auto& [id, partner] : states_) {
        sending += partner.up && partner.admitted && !partner.contributions.empty() ? 1U : 0U;
    }
    for (auto& [id, partner] : states_) {
        if (sending >= fan_in_window) {
            return;
        }
        if (partner.up && !partner.admitted && !partner.contributions.empty()) {
            partner.admitted = true;
            partner.last_news = now;
            partner.last_arrival = now;
            ++sending;
            send_fetch(id, SegmentKind::contribution, partner.contributions, effects);
        }
    }
}

void Exchange::ask(SwarmTime now, const NodeId& peer, Partner& partner,
                   std::vector<Effect>& effects) const {
    partner.last_news = now;
    send_fetch(peer, SegmentKind::merged, partner.merged, effects);
    if (partner.admitted) {
        send_fetch(peer, SegmentKind::contribution, partner.contributions, effects);
    }
}

void Exchange::send_fetch(const NodeId& to, SegmentKind kind,
                          const std::set<std::uint32_t>& missing,
                          std::vector<Effect>& effects) const {
    FetchSegments fetch{setup_.key, kind, {}};
    const auto flush = [&] {
        if (!fetch.ranges.empty()) {
            effects.push_back(Send{to, {fetch, {}}});
            fetch.ranges.clear();
        }
    };
    for (const std::uint32_t segment : missing) {
        if (!fetch.ranges.empty() &&
            fetch.ranges.back().first + fetch.ranges.back().count == segment) {
            ++fetch.ranges.back().count;
            continue;
        }
        if (fetch.ranges.size() == ranges_per_fetch) {
            flush();
        }
        fetch.ranges.push_back({segment, 1});
    }
    flush();
}

void Exchange::on_fetch(const NodeId& from, const FetchSegments& fetch,
                        std::vector<Effect>& effects) {
    STARLING_INVARIANT(fetch.key == setup_.key, "the node matches keys");
    const auto found = states_.find(from);
    if (found == states_.end()) {
        return;
    }
    for (const SegmentRange& range : fetch.ranges) {
        const std::uint64_t end =
            std::min<std::uint64_t>(std::uint64_t{range.first} + range.count, merged_.size());
        for (std::uint64_t at = range.first; at < end; ++at) {
            const auto segment = static_cast<std::uint32_t>(at);
            if (fetch.kind == SegmentKind::contribution) {
                send_segment(from, fetch.kind, segment, setup_.own[segment], effects);
            } else if (have_merged_[segment]) {
                send_segment(from, fetch.kind, segment, merged_[segment], effects);
            } else {
                found->second.owed.insert(segment);
            }
        }
    }
}

void Exchange::send_segment(const NodeId& to, SegmentKind kind, std::uint32_t segment,
                            const Blob& body, std::vector<Effect>& effects) {
    traffic_.sent_bytes += body.size();
    effects.push_back(Send{to, {SegmentData{setup_.key, kind, segment}, body}});
}

Result<void> Exchange::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                                  Blob body, std::vector<Effect>& effects) {
    const auto found = states_.find(from);
    if (data.key != setup_.key) {
        return Error{Errc::stale, "segment of another round or attempt"};
    }
    if (found == states_.end() || data.index >= merged_.size()) {
        return Error{Errc::malformed,
                     "segment from a node or with an index that is not of this round"};
    }
    if (body.size() != segment_size(setup_.layout->size_bytes(), data.index)) {
        return Error{Errc::malformed, "segment " + std::to_string(data.index) + " of " +
                                          std::to_string(body.size()) + " bytes"};
    }
    Partner& partner = found->second;
    partner.last_news = now;
    partner.last_arrival = now;
    partner.patience = first_patience;
    std::set<std::uint32_t>& missing =
        data.kind == SegmentKind::contribution ? partner.contributions : partner.merged;
    if (missing.erase(data.index) == 0) {
        return {};  // asked for twice, or never: nothing is missing
    }
    ++progress_;
    traffic_.received_bytes += body.size();
    if (data.kind == SegmentKind::merged) {
        keep_merged(data.index, body);
        return {};
    }
    for (std::size_t c = 0; c < contributors_.size(); ++c) {
        if (setup_.members[contributors_[c]].id == from) {
            contribute(data.index, c, std::move(body), effects);
            break;
        }
    }
    if (missing.empty()) {
        admit(now, effects);
    }
    return {};
}

void Exchange::contribute(std::uint32_t segment, std::size_t contributor, Blob body,
                          std::vector<Effect>& effects) {
    Assembly& assembly = assemblies_.at(segment);
    const std::size_t slot = setup_.in_order ? contributor : assembly.present;
    assembly.contributions[slot] = std::move(body);
    assembly.weights[slot] = weights_[contributor];
    if (++assembly.present < contributors_.size()) {
        return;
    }
    MergeWork work{setup_.layout, segment, setup_.rule, std::move(assembly.contributions),
                   std::move(assembly.weights)};
    assemblies_.erase(segment);
    effects.push_back(StartWork{setup_.work_base + segment, std::move(work)});
}

void Exchange::keep_merged(std::uint32_t segment, const Blob& body) {
    merged_[segment] = body;
    have_merged_[segment] = true;
    ++merged_count_;
}

void Exchange::on_merged(const MergeResult& result, std::vector<Effect>& effects) {
    STARLING_INVARIANT(result.segment < merged_.size() && !have_merged_[result.segment],
                       "each owned segment is merged once");
    keep_merged(result.segment, result.merged);
    ++progress_;
    for (auto& [id, partner] : states_) {
        if (partner.owed.erase(result.segment) > 0) {
            send_segment(id, SegmentKind::merged, result.segment, result.merged, effects);
        }
    }
}

void Exchange::on_tick(SwarmTime now, std::vector<Effect>& effects) {
    for (auto& [id, partner] : states_) {
        const bool waiting =
            !partner.merged.empty() || (partner.admitted && !partner.contributions.empty());
        if (partner.up && waiting && now - partner.last_news >= partner.patience) {
            partner.patience = std::min(partner.patience * 2, longest_patience);
            ask(now, id, partner, effects);
        }
    }
}

std::vector<Stall> Exchange::stalls(SwarmTime now, SwarmDuration limit,
                                    const std::set<NodeId>& refused_by) const {
    std::vector<Stall> stalls;
    for (const auto& [id, partner] : states_) {
        const bool contributes =
            !partner.contributions.empty() && (partner.admitted || !partner.up);
        const bool refuses = refused_by.contains(id);
        const SwarmDuration patience = refuses ? std::min(limit, refusal_patience) : limit;
        if (now - partner.last_arrival >= patience && stalls.size() < 64 &&
            (contributes || !partner.merged.empty())) {
            stalls.push_back({id, !contributes && !refuses});
        }
    }
    return stalls;
}

}  // namespace starling
