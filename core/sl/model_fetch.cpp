#include "core/sl/model_fetch.hpp"

#include <algorithm>

namespace starling {
namespace {

/// For a connected source: one without the model says so, and bytes of one with it arrive within
/// this time on links of 10 kbit/s.
constexpr SwarmDuration silence_limit = std::chrono::seconds(15);
/// For a source that is being dialled.
constexpr SwarmDuration dial_limit = std::chrono::seconds(3);
constexpr SwarmDuration probe_interval = std::chrono::seconds(5);

}  // namespace

ModelFetch::ModelFetch(SwarmTime now, const NodeId& self, RoundKey key, Commit commit,
                       std::shared_ptr<const ParamLayout> layout, SwarmDuration source_limit)
    : key_(std::move(key)),
      commit_(std::move(commit)),
      layout_(std::move(layout)),
      source_limit_(source_limit),
      last_moved_(now) {
    learn(self, commit_.members);
    start_over(now);
}

void ModelFetch::learn(const NodeId& self, const MemberList& members) {
    std::vector<bool> known(members.size());
    for (RoundMember& source : sources_) {
        if (const std::uint32_t place = members.index_of(source.id); place < members.size()) {
            known[place] = true;
            source.address = members[place].address;
        }
    }
    for (std::uint32_t place = 0; place < members.size(); ++place) {
        // An SN that lies could name others in each view.
        if (!known[place] && members[place].id != self && sources_.size() < members_max) {
            sources_.push_back(members[place]);
        }
    }
    const RoundMember* const current = source_ ? members.find(source_->id) : nullptr;
    if (current != nullptr) {
        source_->address = current->address;
    }
}

void ModelFetch::start_over(SwarmTime now) {
    segments_ = Segments(layout_->segment_count());
    received_bytes_ = 0;
    for (std::uint32_t i = 0; i < segments_.size(); ++i) {
        missing_.insert(i);
    }
    next(now);
}

void ModelFetch::next(SwarmTime now) {
    asked_ = false;
    source_since_ = now;
    source_moved_ = now;
    partial_bytes_ = 0;
    if (!sources_.empty()) {
        source_ = sources_[at_++ % sources_.size()];
    }
}

void ModelFetch::ask(SwarmTime now, Outbox& out) {
    asked_ = true;
    FetchSegments fetch{key_, SegmentKind::merged, {}};
    for (const std::uint32_t segment : missing_) {
        if (!fetch.ranges.empty() &&
            fetch.ranges.back().first + fetch.ranges.back().count == segment) {
            ++fetch.ranges.back().count;
        } else if (fetch.ranges.size() < ranges_per_fetch_max) {
            fetch.ranges.push_back({segment, 1});
        }
    }
    // Probe first, so that a source without the segments says so at once.
    out.send(source_->id, FetchProbe{key_, ++probe_});
    asked_after_ = probe_;
    out.send(source_->id, std::move(fetch));
    probed_at_ = now;
}

void ModelFetch::probe(SwarmTime now, Outbox& out) {
    probed_at_ = now;
    out.send(source_->id, FetchProbe{key_, ++probe_});
    out.measure_arrivals();
}

void ModelFetch::on_tick(SwarmTime now, const NodeSet& up, Outbox& out) {
    if (!source_ || complete()) {
        return;
    }
    const bool is_up = up.contains(source_->id);
    if (now - source_moved_ > (is_up ? silence_limit : dial_limit) ||
        now - source_since_ > source_limit_) {
        if (is_up && asked_) {  // what it has queued for this node would come twice
            out.send(source_->id, FetchSegments{key_, SegmentKind::merged, {}});
        }
        next(now);
    }
    if (!up.contains(source_->id)) {
        return;
    }
    if (!asked_) {
        ask(now, out);
    } else if (now - probed_at_ >= probe_interval) {
        probe(now, out);
    }
}

void ModelFetch::on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out) {
    if (source_ && source_->id == peer && !complete()) {
        source_moved_ = now;
        partial_bytes_ = 0;
        ask(now, out);
    }
}

bool ModelFetch::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                            const Blob& body) {
    if (data.key != key_ || data.kind != SegmentKind::merged || data.index >= segments_.size() ||
        body.size() != layout_->segment_size(data.index) ||
        std::none_of(sources_.begin(), sources_.end(),
                     [&](const RoundMember& member) { return member.id == from; })) {
        return false;
    }
    if (source_->id == from) {
        source_moved_ = now;
        partial_bytes_ = 0;
    }
    last_moved_ = now;
    if (missing_.erase(data.index) > 0) {
        segments_.set(data.index, body);
        received_bytes_ += body.size();
    }
    return true;
}

void ModelFetch::on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                                Outbox& out) {
    if (!source_ || source_->id != from || complete() || !asked_ || reply.serial > probe_) {
        return;
    }
    if (!reply.known) {
        next(now);
    } else if (reply.serial > asked_after_) {
        ask(now, out);
    }
}

void ModelFetch::on_arrivals(SwarmTime now, const Arrivals& arrivals) {
    const auto arriving =
        source_ ? arrivals.body_bytes.find(source_->id) : arrivals.body_bytes.end();
    const std::uint64_t bytes = arriving == arrivals.body_bytes.end() ? 0 : arriving->second;
    if (bytes > partial_bytes_) {
        source_moved_ = now;
        last_moved_ = now;
    }
    partial_bytes_ = bytes;
}

TransferProgress ModelFetch::transfer() const {
    return {std::min(received_bytes_ + partial_bytes_, layout_->size_bytes()),
            layout_->size_bytes(), source_ ? source_->id.name : ""};
}

}  // namespace starling
