// Frames of a MemoryNetwork: when they arrive, and which the faults lose, repeat or reorder.
#include <algorithm>

#include "transport/memory/memory_process.hpp"

namespace starling {
namespace {

constexpr SwarmDuration local_delay = std::chrono::microseconds(20);

}  // namespace

SwarmDuration MemoryNetwork::delay() {
    const auto spread = static_cast<std::uint64_t>((faults.delay_max - faults.delay_min).count());
    return faults.delay_min + SwarmDuration{static_cast<std::int64_t>(random_.below(spread + 1))};
}

void MemoryNetwork::send(Process& from, const NodeId& node, Frame frame, SendGroup group) {
    const Process* peer = connected_as(from, node);
    if (peer == nullptr) {
        return;
    }
    const NodeId& to = peer->id;
    Connection& link = connection(from.id, to);
    const Process& target = *peer;
    Lane& lane = link.lane[from.id < to ? 1 : 0];
    const bool limited = faults.bytes_per_second > 0 && from.spec.host != target.spec.host;
    if (!limited && lane.queue.empty()) {
        transmit(from, target, link, std::move(frame));
        return;
    }
    lane.queue.push_back({std::move(frame), group});
    if (lane.queue.size() == 1) {
        start_transmission(from.id, to);
    }
}

void MemoryNetwork::start_transmission(const NodeId& from, const NodeId& to) {
    Connection& link = connection(from, to);
    Lane& lane = link.lane[from < to ? 1 : 0];
    constexpr double head_bytes = 100;  // approximate size of a frame without its body
    const double bytes = head_bytes + static_cast<double>(lane.queue.front().frame.body.size());
    lane.began = now_;
    lane.bytes_per_second = faults.bytes_per_second;
    const SwarmDuration takes =
        lane.bytes_per_second > 0 ? from_seconds(bytes / lane.bytes_per_second) : SwarmDuration{0};
    schedule(now_ + takes, [this, from, to, epoch = link.epoch] {
        Connection& now = connection(from, to);
        if (!now.up || now.epoch != epoch) {
            return;
        }
        Lane& leaving = now.lane[from < to ? 1 : 0];
        Frame frame = std::move(leaving.queue.front().frame);
        leaving.queue.pop_front();
        transmit(*processes_.at(from), *processes_.at(to), now, std::move(frame));
        if (now.up && !leaving.queue.empty()) {
            start_transmission(from, to);
        }
    });
}

void MemoryNetwork::cancel_sends(const NodeId& from, SendGroup group,
                                 const std::optional<NodeId>& to) {
    for (auto& [pair, link] : connections_) {
        const NodeId& other = pair.first == from ? pair.second : pair.first;
        std::deque<Paced>& queue = link.lane[from < other ? 1 : 0].queue;
        const bool of_node = pair.first == from || pair.second == from;
        if (!of_node || (to && *to != processes_.at(other)->node_id) || queue.empty()) {
            continue;
        }
        Paced leaving = std::move(queue.front());
        queue.pop_front();
        std::erase_if(queue, [&](const Paced& paced) { return paced.group == group; });
        queue.push_front(std::move(leaving));
    }
}

Arrivals MemoryNetwork::arrivals(const NodeId& at) const {
    Arrivals arrivals;
    for (const auto& [pair, link] : connections_) {
        if (!link.up || (pair.first != at && pair.second != at)) {
            continue;
        }
        const NodeId& from = pair.first == at ? pair.second : pair.first;
        const Lane& lane = link.lane[from < at ? 1 : 0];
        if (!lane.queue.empty() && !lane.queue.front().frame.body.empty()) {
            const double bytes = lane.bytes_per_second * to_seconds(now_ - lane.began);
            arrivals.body_bytes[processes_.at(from)->node_id] =
                std::min(static_cast<std::uint64_t>(bytes), lane.queue.front().frame.body.size());
        }
    }
    return arrivals;
}

/// Transmits a frame; faults may lose, duplicate or reorder it here.
void MemoryNetwork::transmit(const Process& from, const Process& target, Connection& link,
                             Frame frame) {
    const NodeId& to = target.id;
    const bool local = from.spec.host == target.spec.host;
    if (!local && faults.reset > 0 && random_.chance(faults.reset)) {
        cut(from.id, to, "connection reset");
        return;
    }
    if (!local && faults.drop > 0 && random_.chance(faults.drop)) {
        return;
    }
    if (!muted_.empty() && muted_.count({from.id, to}) > 0) {
        return;
    }
    const bool twice = !local && faults.duplicate > 0 && random_.chance(faults.duplicate);
    const bool overtakes = !local && faults.reorder > 0 && random_.chance(faults.reorder);
    SwarmTime& last = link.last_arrival[from.id < to ? 1 : 0];
    std::optional<Frame> again;
    if (twice) {
        again = frame;
    }
    SwarmTime arrival = now_ + (local ? local_delay : delay());
    if (overtakes) {
        arrival += delay() * 3;
    } else {
        arrival = std::max(arrival, last);
        last = arrival;
    }
    deliver_at(arrival, from.id, to, link.epoch, std::move(frame));
    if (again) {
        const SwarmTime later = now_ + delay();
        deliver_at(later + delay() * 3, from.id, to, link.epoch, std::move(*again));
    }
}

void MemoryNetwork::deliver_at(SwarmTime time, const NodeId& from, const NodeId& to,
                               std::uint64_t epoch, Frame frame) {
    schedule(time, [this, from, to, epoch, sent = std::move(frame)]() mutable {
        const Connection& link = connection(from, to);
        if (link.up && link.epoch == epoch) {
            if (processes_.at(from)->spec.host != processes_.at(to)->spec.host) {
                body_bytes_delivered_ += sent.body.size();
            }
            dispatch(to, processes_.at(to)->incarnation,
                     FrameReceived{processes_.at(from)->node_id, std::move(sent)});
        }
    });
}

}  // namespace starling
