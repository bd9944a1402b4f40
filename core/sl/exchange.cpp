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

std::shared_ptr<const RoundPlan> plan_of(const ExchangeSetup& setup) {
    RoundPlanKey key{setup.members,   setup.departed, setup.layout->size_bytes(),
                     setup.key.round, setup.exchange, setup.layout->segment_bytes()};
    return setup.shared ? setup.shared->plan(key)
                        : std::make_shared<const RoundPlan>(make_round_plan(key));
}

std::uint32_t index_of_self(const ExchangeSetup& setup) {
    const std::uint32_t self = setup.members.index_of(setup.self);
    STARLING_INVARIANT(self < setup.members.size(), "only a member of the round exchanges");
    return self;
}

}  // namespace

Exchange::Exchange(const ExchangeSetup& setup)
    : setup_(setup),
      own_(*setup.own),
      plan_(plan_of(setup)),
      self_(index_of_self(setup)),
      partners_(plan_->partners_of(self_, static_cast<std::uint32_t>(setup_.members.size()))),
      states_(partners_.size()),
      merged_(plan().owner_of.size(), codec().compresses()) {
    STARLING_INVARIANT(own_.size() == merged_.size(),
                       "the ML's parameters were cut by the same layout");
    set_missing();
}

/// What is to be received in this attempt, and from whom.
void Exchange::set_missing() {
    for (std::uint32_t segment = 0; segment < merged_.size(); ++segment) {
        if (!owned(segment)) {
            state_of(plan().source_of(segment, self_)).needed.get_or_make().merged.insert(segment);
        }
    }
    if (!owned_segments().empty()) {
        for (const std::uint32_t contributor : contributors()) {
            if (contributor == self_) {
                continue;
            }
            const RoundMember& member = setup_.members[contributor];
            Partner& partner = state_of(contributor);
            for (const std::uint32_t segment : owned_segments()) {
                if (!setup_.kept || !setup_.kept->find(member, segment)) {
                    partner.needed.get_or_make().contributions.insert(segment);
                }
            }
        }
    }
    for (const Partner& partner : states_) {
        expected_bytes_ += missing_bytes(partner.merged(), SegmentKind::merged) +
                           missing_bytes(partner.contributions(), SegmentKind::contribution);
    }
}

std::uint64_t Exchange::missing_bytes(const SegmentSet& segments, SegmentKind kind) const {
    if (segments.empty()) {
        return 0;
    }
    if (!codec().compresses()) {
        return (segments.size() - 1) * layout().segment_bytes() +
               layout().segment_size(segments.back());
    }
    std::uint64_t bytes = 0;
    for (const SegmentSet::Range& range : segments.ranges()) {
        for (std::uint32_t segment = range.begin; segment < range.end; ++segment) {
            bytes += kind == SegmentKind::merged
                         ? codec().merged_bytes_max(segment)
                         : codec().contribution_bytes(segment, own_.has_reference());
        }
    }
    return bytes;
}

std::size_t Exchange::place_of(const NodeId& node) const {
    const auto at = std::lower_bound(
        partners_.begin(), partners_.end(), node,
        [this](std::uint32_t partner, const NodeId& id) { return id_of(partner) < id; });
    return at != partners_.end() && id_of(*at) == node
               ? static_cast<std::size_t>(at - partners_.begin())
               : partners_.size();
}

Exchange::Partner& Exchange::state_of(std::uint32_t member) {
    const auto at = std::lower_bound(partners_.begin(), partners_.end(), member);
    STARLING_INVARIANT(at != partners_.end() && *at == member, "segments go between partners only");
    return states_[static_cast<std::size_t>(at - partners_.begin())];
}

void Exchange::start(SwarmTime now, const NodeSet& up, Outbox& out) {
    for (std::size_t c = 0; !owned_segments().empty() && c < contributors().size(); ++c) {
        for (const std::uint32_t segment : owned_segments()) {
            const RoundMember& member = setup_.members[contributors()[c]];
            auto kept = setup_.kept ? setup_.kept->find(member, segment) : std::nullopt;
            if (kept && contributors()[c] != self_) {
                contribute(segment, c, std::move(*kept), out);
            }
        }
    }
    open_window(out);
    begin_waiting(now);
    for (const std::uint32_t partner : partners_) {
        if (up.contains(id_of(partner))) {
            on_peer_up(now, id_of(partner), out);
        }
    }
}

void Exchange::freeze(SwarmTime now, const MemberList& frozen) {
    setup_.members = frozen;
    setup_.frozen = true;
    begin_waiting(now);
    for (Partner& partner : states_) {
        // What came before has no rate: it waited for the partner's check-in, too.
        const std::uint64_t before = partner.bytes + partner.partial_bytes();
        if (before > 0 || partner.rare) {
            partner.rare.get_or_make().bytes_at_freeze = before;
        }
        partner.note_segment(now);
        partner.probes = 0;
    }
}

void Exchange::begin_waiting(SwarmTime now) {
    measured_at_ = now;
    began_at_ = now;
    for (Partner& partner : states_) {
        if (partner.needed) {
            partner.needed->waiting_since = now;
            partner.needed->last_progress = now;
        }
    }
}

void Exchange::on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out) {
    const std::size_t place = place_of(peer);
    if (place == states_.size()) {
        return;
    }
    Partner& partner = states_[place];
    partner.up = true;
    note_window(partner);
    partner.probes = 0;
    set_partial(partner, 0);
    request_missing(now, peer, partner, out);
    request_within_window(now, out);
}

void Exchange::on_peer_lost(const NodeId& peer) {
    const std::size_t place = place_of(peer);
    if (place == states_.size()) {
        return;
    }
    Partner& partner = states_[place];
    partner.up = false;
    note_window(partner);
    // What it was sent may not have arrived: it requests that again when it is back.
    partner.served.clear();
    partner.requested = 0;
    if (partner.rare) {
        partner.rare->repeats = {};
        partner.rare->repeats_merged = {};
    }
}

void Exchange::on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out) {
    const std::size_t place = place_of(from);
    if (place == states_.size()) {
        return;
    }
    Partner& partner = states_[place];
    const std::size_t count = merged_.size();
    const bool merged = fetch.kind == SegmentKind::merged;
    for (const std::uint32_t segment : segments_in(fetch.ranges, count)) {
        if (merged && !merged_.has(segment)) {
            partner.requested += partner.served.insert(served_place(fetch.kind, segment)) ? 1U : 0U;
        } else if (note_served(partner, fetch.kind, segment)) {
            send_segment(from, fetch.kind, segment,
                         merged ? merged_.encoded(segment) : own_.encoded(segment), out);
        }
    }
}

bool Exchange::note_served(Partner& partner, SegmentKind kind, std::uint32_t segment) const {
    if (partner.served.insert(served_place(kind, segment))) {
        return true;
    }
    Partner::Rare& rare = partner.rare.get_or_make();
    return (kind == SegmentKind::merged ? rare.repeats_merged : rare.repeats).note(segment);
}

void Exchange::send_segment(const NodeId& to, SegmentKind kind, std::uint32_t segment,
                            const Blob& body, Outbox& out) {
    traffic_.sent_bytes += body.size();
    out.send(to, SegmentData{wire_key(), kind, segment}, body, setup_.serial);
}

Result<bool> Exchange::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                                  Blob body, Outbox& out) {
    const std::size_t place = place_of(from);
    if (data.key != wire_key()) {
        return Error{Errc::stale, "segment of another round or attempt"};
    }
    if (place == states_.size() || data.index >= merged_.size()) {
        return Error{Errc::malformed,
                     "segment from a node or with an index that does not belong to this round"};
    }
    if (Result<void> sound = codec().check(data.index, body, own_.has_reference()); !sound) {
        return sound.error();
    }
    const std::uint32_t member = partners_[place];
    Partner& partner = states_[place];
    const bool merged = data.kind == SegmentKind::merged;
    const bool is_missing =
        (merged ? partner.merged() : partner.contributions()).contains(data.index);
    if (is_missing && !merged && data.index >= contributions_below_) {
        // Kept until its window opens, the models of all members would be in memory.
        return Error{Errc::refused, "contribution that was not requested yet"};
    }
    Blob values;
    if (merged && is_missing) {
        values = codec().decode(data.index, body, own_.reference(data.index));
        if (setup_.non_finite == NonFinitePolicy::refuse &&
            holds_non_finite(layout(), data.index, values)) {
            return false;
        }
    }
    partner.note_segment(now);
    partner.probes = 0;
    set_partial(partner, 0);
    if (!is_missing) {
        return true;  // it came twice, or was never requested
    }
    (merged ? partner.needed->merged : partner.needed->contributions).erase(data.index);
    partner.bytes += body.size();
    traffic_.received_bytes += body.size();
    note_progress(now, partner);
    partner.forget_if_complete();
    if (merged) {
        store_merged(data.index, std::move(values), std::move(body), out);
        return true;
    }
    note_window(partner);
    if (setup_.kept != nullptr) {
        setup_.kept->keep(setup_.members[member], data.index, body, layout().size_bytes());
    }
    const auto at = std::lower_bound(contributors().begin(), contributors().end(), member);
    contribute(data.index, static_cast<std::size_t>(at - contributors().begin()), std::move(body),
               out);
    if (!contributes(partner)) {
        request_within_window(now, out);
    }
    return true;
}

void Exchange::contribute_own(std::uint32_t segment, Outbox& out) {
    const auto self = std::lower_bound(contributors().begin(), contributors().end(), self_);
    if (self != contributors().end() && *self == self_) {
        contribute(segment, static_cast<std::size_t>(self - contributors().begin()),
                   own_.encoded(segment), out);
    }
}

void Exchange::contribute(std::uint32_t segment, std::size_t contributor, Blob body, Outbox& out) {
    Assembly& assembly = assemblies_.change()[segment];
    if (assembly.contributions.empty()) {
        assembly = {std::vector<Blob>(contributors().size()), plan_->weights, 0};
    }
    const std::size_t slot = setup_.in_arrival_order ? assembly.present : contributor;
    assembly.contributions[slot] = std::move(body);
    assembly.weights[slot] = plan_->weights[contributor];
    if (++assembly.present < contributors().size()) {
        return;
    }
    MergeWork work{.layout = codec().layout(),
                   .segment = segment,
                   .method = setup_.method,
                   .contributions = std::move(assembly.contributions),
                   .weights = std::move(assembly.weights),
                   .non_finite = setup_.non_finite,
                   .compression = codec().method(),
                   .reference = own_.reference(segment)};
    assemblies_.erase(segment);
    const WorkId id{.kind = WorkId::Kind::merge, .serial = setup_.serial, .segment = segment};
    out.start_work(id.number(), std::move(work));
}

/// Others may wait for it: for their owner, or for the relay of their group.
void Exchange::store_merged(std::uint32_t segment, Blob values, Blob encoded, Outbox& out) {
    merged_.store(segment, std::move(values), std::move(encoded));
    const std::uint32_t requested = served_place(SegmentKind::merged, segment);
    for (std::size_t place = 0; place < states_.size(); ++place) {
        Partner& partner = states_[place];
        if (partner.requested > 0 && partner.served.erase(requested)) {
            --partner.requested;
            send_segment(id_at(place), SegmentKind::merged, segment, merged_.encoded(segment), out);
        }
    }
}

std::vector<NodeId> Exchange::contributors_at(const std::vector<std::uint32_t>& places) const {
    std::vector<NodeId> nodes;
    for (const std::uint32_t place : places) {
        if (!setup_.in_arrival_order && place < contributors().size()) {
            nodes.push_back(setup_.members[contributors()[place]].id);
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
    for (std::size_t place = 0; place < states_.size(); ++place) {
        Partner& partner = states_[place];
        if (partner.contributions().empty() || partner.contributions().front() >= before) {
            partner.in_window = false;  // it has sent what it was asked for, and queues again
        } else if (partner.up && partner.in_window) {
            send_fetch(id_at(place), partner, SegmentKind::contribution, out, before);
        }
        note_window(partner);
    }
    request_within_window(now, out);
}

}  // namespace starling
