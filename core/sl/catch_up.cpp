#include "core/sl/catch_up.hpp"

namespace starling {
namespace {

/// A member that has what is asked for sends at once; one that has not is silent.
constexpr SwarmDuration patience = std::chrono::seconds(3);
constexpr std::size_t ranges_per_fetch = 4096;

}  // namespace

CatchUp::CatchUp(SwarmTime now, const NodeId& self, RoundKey key, Commit commit,
                 std::uint64_t bytes)
    : key_(std::move(key)), commit_(std::move(commit)), bytes_(bytes), started_(now) {
    for (const RoundMember& member : commit_.members) {
        if (member.id != self) {
            sources_.push_back(member);
        }
    }
    start_over(now);
}

void CatchUp::start_over(SwarmTime now) {
    segments_.assign(segment_count(bytes_), Blob());
    for (std::uint32_t i = 0; i < segments_.size(); ++i) {
        missing_.insert(i);
    }
    next(now);
}

void CatchUp::next(SwarmTime now) {
    asked_ = false;
    last_news_ = now;
    if (!sources_.empty()) {
        source_ = sources_[at_++ % sources_.size()];
    }
}

void CatchUp::ask(std::vector<Effect>& effects) const {
    FetchSegments fetch{key_, SegmentKind::merged, {}};
    for (const std::uint32_t segment : missing_) {
        if (!fetch.ranges.empty() &&
            fetch.ranges.back().first + fetch.ranges.back().count == segment) {
            ++fetch.ranges.back().count;
        } else if (fetch.ranges.size() < ranges_per_fetch) {
            fetch.ranges.push_back({segment, 1});
        }
    }
    effects.push_back(Send{source_->id, {std::move(fetch), {}}});
}

void CatchUp::on_tick(SwarmTime now, const std::set<NodeId>& up, std::vector<Effect>& effects) {
    if (!source_ || complete()) {
        return;
    }
    if (now - last_news_ > patience) {
        next(now);
    }
    if (!asked_ && up.count(source_->id) > 0) {
        asked_ = true;
        ask(effects);
    }
}

void CatchUp::on_peer_up(SwarmTime now, const NodeId& peer, std::vector<Effect>& effects) {
    if (source_ && source_->id == peer && !complete()) {
        last_news_ = now;
        asked_ = true;
        ask(effects);
    }
}

bool CatchUp::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                         const Blob& body) {
    if (data.key != key_ || data.kind != SegmentKind::merged || !source_ || source_->id != from ||
        data.index >= segments_.size() || body.size() != segment_size(bytes_, data.index)) {
        return false;
    }
    last_news_ = now;
    if (missing_.erase(data.index) > 0) {
        segments_[data.index] = body;
    }
    return true;
}

}  // namespace starling
