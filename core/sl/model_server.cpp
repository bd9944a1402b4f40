#include "core/sl/model_server.hpp"

#include <algorithm>

#include "core/sl/sl_timers.hpp"

namespace starling {
namespace {

/// Of segments of committed models. Those of an exchange have its serial number.
constexpr SendGroup committed_group = ~SendGroup{0};

}  // namespace

void ModelServer::hold(CommittedModel model, Outbox& out) {
    if (model_ && model_->key != model.key) {
        out.cancel_sends(committed_group);
        served_.clear();
    }
    model_ = std::make_unique<CommittedModel>(std::move(model));
}

void ModelServer::on_stored(const KeptModel& stored) {
    if (holds(stored.key) && model_->commit.digest == stored.digest && !stored.segments.empty()) {
        model_->segments = stored.segments;
    }
}

bool ModelServer::on_fetch(SwarmTime now, const NodeId& from, const FetchSegments& fetch,
                           Outbox& out) {
    if (!holds(fetch.key)) {
        return false;
    }
    fetched_at_ = now;
    if (fetch.ranges.empty()) {
        out.cancel_sends(committed_group, from);
    }
    if (fetch.kind != SegmentKind::merged) {
        return true;
    }
    const Segments& segments = model_->segments;
    ServedSegments& served = served_.change()[from];
    for (const std::uint32_t segment : segments_in(fetch.ranges, segments.size())) {
        if (served.note(segment)) {
            out.send(from, SegmentData{model_->key, SegmentKind::merged, segment},
                     segments[segment], committed_group);
        }
    }
    return true;
}

void ModelServer::on_probe(SwarmTime now, const NodeId& from, const FetchProbe& probe,
                           Outbox& out) {
    const bool known = holds(probe.key);
    fetched_at_ = known ? now : fetched_at_;
    out.send(from,
             FetchProbeReply{.key = probe.key, .serial = probe.serial, .known = known, .owed = 0});
}

void ModelServer::begin_linger(SwarmTime now, Outbox& out) {
    finished_at_ = now;
    out.set_timer(linger_timer, now + linger_);
}

bool ModelServer::lingers_on(SwarmTime now, std::uint64_t bytes, Outbox& out) const {
    constexpr double slowest_bytes_per_second = 1000;
    const SwarmTime last = finished_at_ + linger_ +
                           from_seconds(static_cast<double>(bytes) / slowest_bytes_per_second);
    const SwarmTime until = std::min(fetched_at_ + linger_, last);
    if (until > now) {
        out.set_timer(linger_timer, until);
        return true;
    }
    return false;
}

}  // namespace starling
