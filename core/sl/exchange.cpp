// One attempt of a round at one member: a reduce-scatter and an all-gather over segments (Thakur,
// Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", 2005), so
// each member sends and receives two models, however many members there are. Each segment has one
// owner (merge/plan.hpp), which fetches all contributions to it, merges them in the order of node
// IDs, and serves the result; in a tree, one member of each group fetches the result and serves it
// to the others of its group.
//
// Receivers request, senders answer: a request can be repeated after a connection was cut, and
// bounds what is in flight. Invariant: a segment is requested once on a connection, and again only
// if a probe that was sent behind it comes back first (FetchProbe; connections keep their order).
#include "core/sl/exchange.hpp"

#include <algorithm>

#include "core/merge/finite.hpp"
#include "core/sl/work_id.hpp"

namespace starling {
namespace {

/// All members of the round's first attempt.
std::vector<PlanMember> plan_members(const ExchangeSetup& setup) {
    std::map<NodeId, PlanMember> all;
    for (const RoundMember& member : setup.members) {
        const PlanPart part = member.merges ? PlanPart::merges : PlanPart::contributes;
        all.emplace(member.id, PlanMember(part, member.site));
    }
    for (const NodeId& id : setup.departed) {
        all.emplace(id, PlanPart::departed);
    }
    std::vector<PlanMember> members;
    for (const auto& [id, member] : all) {
        members.push_back(member);
    }
    return members;
}

}  // namespace

Exchange::Exchange(ExchangeSetup setup)
    : setup_(std::move(setup)),
      plan_(make_plan(plan_members(setup_), setup_.layout->size_bytes(), setup_.key.round,
                      setup_.exchange)),
      codec_(setup_.layout, setup_.compression),
      own_(*setup_.own),
      merged_(plan_.owner_of.size()) {
    const std::size_t segments = plan_.owner_of.size();
    STARLING_INVARIANT(own_.size() == segments, "the ML's parameters were cut by the same layout");
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
        if (i != self_ && is_partner(i, owners)) {
            partners_.push_back(setup_.members[i]);
            states_[setup_.members[i].id] = Partner{};
        }
    }
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
        if (!owned(segment)) {
            states_[setup_.members[plan_.source_of(segment, self_)].id].merged.insert(segment);
            continue;
        }
        owned_.push_back(segment);
        assemblies_[segment] = {std::vector<Blob>(contributors_.size()), weights_, 0};
        for (const std::uint32_t contributor : contributors_) {
            const RoundMember& member = setup_.members[contributor];
            if (contributor != self_ && !(setup_.kept && setup_.kept->find(member, segment))) {
                states_[member.id].contributions.insert(segment);
            }
        }
    }
    for (const auto& [id, partner] : states_) {
        expected_bytes_ += missing_bytes(partner.merged, SegmentKind::merged) +
                           missing_bytes(partner.contributions, SegmentKind::contribution);
    }
}

/// Whether segments go from one to the other.
bool Exchange::is_partner(std::uint32_t member, const std::set<std::uint32_t>& owners) const {
    const bool near =
        plan_.kind == ExchangePlan::tree && plan_.group_of[member] == plan_.group_of[self_];
    return owners.contains(member) || owners.contains(self_) ||
           (near && (setup_.members[member].merges || setup_.members[self_].merges));
}

std::uint64_t Exchange::missing_bytes(const std::set<std::uint32_t>& segments,
                                      SegmentKind kind) const {
    if (segments.empty()) {
        return 0;
    }
    if (!codec_.compresses()) {
        const std::uint64_t last = segment_size(setup_.layout->size_bytes(), *segments.rbegin());
        return (segments.size() - 1) * segment_bytes + last;
    }
    std::uint64_t bytes = 0;
    for (const std::uint32_t segment : segments) {
        bytes += kind == SegmentKind::merged
                     ? codec_.merged_bytes_max(segment)
                     : codec_.contribution_bytes(segment, own_.has_reference());
    }
    return bytes;
}

void Exchange::start(SwarmTime now, const std::set<NodeId>& up, Outbox& out) {
    for (std::size_t c = 0; c < contributors_.size(); ++c) {
        for (const std::uint32_t segment : owned_) {
            const RoundMember& member = setup_.members[contributors_[c]];
            auto kept = setup_.kept ? setup_.kept->find(member, segment) : std::nullopt;
            if (kept && contributors_[c] != self_) {
                contribute(segment, c, std::move(*kept), out);
            }
        }
    }
    open_window(out);
    measured_at_ = now;
    began_at_ = now;
    for (auto& [id, partner] : states_) {
        partner.waiting_since = now;
        partner.last_progress = now;
    }
    for (const RoundMember& partner : partners_) {
        if (up.count(partner.id) > 0) {
            on_peer_up(now, partner.id, out);
        }
    }
}

void Exchange::on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out) {
    const auto found = states_.find(peer);
    if (found == states_.end()) {
        return;
    }
    found->second.up = true;
    found->second.served.clear();
    found->second.served_merged.clear();
    found->second.probe_timeout = first_probe_timeout;
    set_partial(found->second, 0);
    request_missing(now, peer, found->second, out);
    request_within_window(now, out);
}

void Exchange::on_peer_lost(const NodeId& peer) {
    const auto found = states_.find(peer);
    if (found != states_.end()) {
        found->second.up = false;
        found->second.requested.clear();  // it requests them again when it is back
    }
}

void Exchange::on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out) {
    const auto found = states_.find(from);
    if (found == states_.end()) {
        return;
    }
    Partner& partner = found->second;
    const std::size_t count = merged_.size();
    const bool merged = fetch.kind == SegmentKind::merged;
    for (const std::uint32_t segment : segments_in(fetch.ranges, count)) {
        if (merged && !merged_.has(segment)) {
            partner.requested.insert(segment);
        } else if ((merged ? partner.served_merged : partner.served).note(segment, count)) {
            send_segment(from, fetch.kind, segment,
                         merged ? merged_.encoded(segment) : own_.encoded(segment), out);
        }
    }
}

void Exchange::send_segment(const NodeId& to, SegmentKind kind, std::uint32_t segment,
                            const Blob& body, Outbox& out) {
    traffic_.sent_bytes += body.size();
    out.send(to, SegmentData{setup_.key, kind, segment}, body, setup_.serial);
}

Result<bool> Exchange::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                                  Blob body, Outbox& out) {
    const auto found = states_.find(from);
    if (data.key != setup_.key) {
        return Error{Errc::stale, "segment of another round or attempt"};
    }
    if (found == states_.end() || data.index >= merged_.size()) {
        return Error{Errc::malformed,
                     "segment from a node or with an index that does not belong to this round"};
    }
    if (Result<void> sound = codec_.check(data.index, body, own_.has_reference()); !sound) {
        return sound.error();
    }
    Partner& partner = found->second;
    const bool merged = data.kind == SegmentKind::merged;
    std::set<std::uint32_t>& missing = merged ? partner.merged : partner.contributions;
    const bool is_missing = missing.contains(data.index);
    Blob values;
    if (merged && is_missing) {
        values = codec_.decode(data.index, body, own_.reference(data.index));
        if (setup_.non_finite == NonFinitePolicy::refuse &&
            holds_non_finite(*setup_.layout, data.index, values)) {
            return false;
        }
    }
    partner.last_segment = now;
    partner.probe_timeout = first_probe_timeout;
    set_partial(partner, 0);
    if (!is_missing) {
        return true;  // it came twice, or was never requested
    }
    missing.erase(data.index);
    partner.bytes += body.size();
    traffic_.received_bytes += body.size();
    note_progress(now, partner);
    if (merged) {
        store_merged(data.index, std::move(values), std::move(body), out);
        return true;
    }
    for (std::size_t c = 0; c < contributors_.size(); ++c) {
        const RoundMember& member = setup_.members[contributors_[c]];
        if (member.id == from) {
            if (setup_.kept != nullptr) {
                setup_.kept->keep(member, data.index, body, setup_.layout->size_bytes());
            }
            contribute(data.index, c, std::move(body), out);
            break;
        }
    }
    if (!contributes(partner)) {
        request_within_window(now, out);
    }
    return true;
}

void Exchange::contribute_own(std::uint32_t segment, Outbox& out) {
    const auto self = std::lower_bound(contributors_.begin(), contributors_.end(), self_);
    if (self != contributors_.end() && *self == self_) {
        contribute(segment, static_cast<std::size_t>(self - contributors_.begin()),
                   own_.encoded(segment), out);
    }
}

void Exchange::contribute(std::uint32_t segment, std::size_t contributor, Blob body, Outbox& out) {
    Assembly& assembly = assemblies_.at(segment);
    const std::size_t slot = setup_.in_arrival_order ? assembly.present : contributor;
    assembly.contributions[slot] = std::move(body);
    assembly.weights[slot] = weights_[contributor];
    if (++assembly.present < contributors_.size()) {
        return;
    }
    MergeWork work{.layout = setup_.layout,
                   .segment = segment,
                   .method = setup_.method,
                   .contributions = std::move(assembly.contributions),
                   .weights = std::move(assembly.weights),
                   .non_finite = setup_.non_finite,
                   .compression = setup_.compression,
                   .reference = own_.reference(segment)};
    assemblies_.erase(segment);
    const WorkId id{.kind = WorkId::Kind::merge, .serial = setup_.serial, .segment = segment};
    out.start_work(id.number(), std::move(work));
}

/// Others may wait for it: for their owner, or for the relay of their group.
void Exchange::store_merged(std::uint32_t segment, Blob values, Blob encoded, Outbox& out) {
    merged_.store(segment, std::move(values), std::move(encoded));
    for (auto& [id, partner] : states_) {
        if (partner.requested.erase(segment) > 0) {
            send_segment(id, SegmentKind::merged, segment, merged_.encoded(segment), out);
        }
    }
}

std::vector<NodeId> Exchange::contributors_at(const std::vector<std::uint32_t>& places) const {
    std::vector<NodeId> nodes;
    for (const std::uint32_t place : places) {
        if (!setup_.in_arrival_order && place < contributors_.size()) {
            nodes.push_back(setup_.members[contributors_[place]].id);
        }
    }
    return nodes;
}

void Exchange::on_merged(SwarmTime now, const MergeResult& result, Outbox& out) {
    STARLING_INVARIANT(result.segment < merged_.size() && !merged_.has(result.segment),
                       "each owned segment is merged once");
    store_merged(result.segment, result.merged, result.encoded, out);
    open_ -= result.segment < contributions_below_ ? 1U : 0U;
    const std::uint32_t before = contributions_below_;
    if (!open_window(out)) {
        return;
    }
    for (auto& [id, partner] : states_) {
        if (partner.contributions.empty() || *partner.contributions.begin() >= before) {
            partner.in_window = false;  // it has sent what it was asked for, and queues again
        } else if (partner.up && partner.in_window) {
            send_fetch(id, partner, SegmentKind::contribution, out, before);
        }
    }
    request_within_window(now, out);
}

}  // namespace starling
