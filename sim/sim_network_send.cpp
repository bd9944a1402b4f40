// How frames move: each direction (lane) of a connection is a FIFO, whose bursts of frames flow one
// after the other over SimGrid's links, with TCP's slow start, and arrive one latency later, in
// order.
#include <algorithm>
#include <utility>

#include "sim/link_conditions.hpp"
#include "sim/sim_network_impl.hpp"

namespace starling {

using namespace sim_connection;

namespace {

constexpr std::uint64_t coalesce_bytes_max = std::uint64_t{64} * 1024;
constexpr std::uint64_t large_burst_bytes_max = std::uint64_t{16} * 1024 * 1024;

}  // namespace

void SimNetwork::Impl::send(Slot& from, const NodeId& to, Frame frame, SendGroup group) {
    const ConnectionPtr connection = connection_to(from, to);
    if (!connection) {
        return;
    }
    const int side = side_of(*connection, from);
    const std::uint64_t bytes = wire_size(frame, connection->local);
    Lane* const used = find_lane(*connection, side);
    Lane& lane = used != nullptr ? *used : lanes.give(connection->lane[index(side)], engine.now());
    counts.of(*connection, side).sent += bytes;
    lane.undelivered_bytes += bytes;
    Item item{std::move(frame), bytes, group};
    if (!cpu && lane.queue.empty() && !is_flowing(lane, engine.now())) {
        // As most: it waits for nothing.
        return flow(connection, side, std::make_shared<Frames>(std::move(item)));
    }
    lane.queue.push_back(std::move(item));
    start_burst(connection, side);
}

Arrivals SimNetwork::Impl::arrivals(const Slot& at) const {
    Arrivals arrivals;
    if (at.arriving == 0) {
        return arrivals;  // most of the time, and there may be 100,000 peers
    }
    at.peers.for_each([&](const NodeId& peer_id, const ConnectionPtr& connection) {
        const Lane* const lane = find_lane(*connection, 1 - side_of(*connection, at));
        if (lane == nullptr || !lane->flowing) {
            return;
        }
        const auto [number, body_bytes] = lane->queue.transfer();
        if (number != 0 && body_bytes > 0) {
            const auto left =
                static_cast<std::uint64_t>(std::max(0.0, engine.remaining_bytes(number)));
            arrivals.body_bytes[peer_id] = body_bytes - std::min(body_bytes, left);
        }
    });
    return arrivals;
}

void SimNetwork::Impl::start_burst(const ConnectionPtr& connection, int side) {
    if (!connection->open) {
        return;
    }
    Lane& lane = lane_of(*connection, side);
    if (!cpu) {
        if (!is_flowing(lane, engine.now()) && !lane.queue.empty()) {
            flow(connection, side, take_burst(lane, most_in_burst(*connection, side)));
        }
        wake_when_free(connection, side);
        return;
    }
    if (!lane.flowing && lane.queue.has_prepared()) {
        flow(connection, side, lane.queue.take_prepared());
    }
    if (lane.preparing || lane.queue.has_prepared() || lane.queue.empty()) {
        return;
    }
    lane.preparing = true;
    const Burst burst = take_burst(lane, most_in_burst(*connection, side));
    Slot& slot = *connection->end[index(side)];
    slot.thread->run(thread_time(cpu->calibration, *connection, slot, *burst, true),
                     [this, connection, side, burst] {
                         if (connection->open) {
                             lane_of(*connection, side).preparing = false;
                             lane_of(*connection, side).queue.set_prepared(burst);
                             start_burst(connection, side);
                         }
                     });
}

void SimNetwork::Impl::wake_when_free(const ConnectionPtr& connection, int side) {
    Lane& lane = lane_of(*connection, side);
    if (lane.free_at_known && !lane.queue.empty() && !std::exchange(lane.wakes, true)) {
        engine.at(lane.slow_start.idle_since(), [this, connection, side] {
            if (connection->open) {
                lane_of(*connection, side).wakes = false;
                start_burst(connection, side);
            }
        });
    }
}

std::uint64_t SimNetwork::Impl::most_in_burst(const Connection& connection, int side) {
    if (bursts == Bursts::small) {
        return coalesce_bytes_max;
    }
    const double rate = route_from(connection, side).bytes_per_second;
    return std::clamp(static_cast<std::uint64_t>(rate * 0.02), coalesce_bytes_max,
                      large_burst_bytes_max);
}

SimRoute SimNetwork::Impl::route_from(const Connection& connection, int side) {
    return engine.route(connection.end[index(side)]->place.host, peer(connection, side).place.host);
}

void SimNetwork::Impl::flow(const ConnectionPtr& connection, int side, Burst burst) {
    Lane& lane = lane_of(*connection, side);
    const std::uint64_t bytes = bytes_of(*burst);
    lane.flowing = true;
    SlowStart::Cost cost;
    if (!connection->local) {
        const SimRoute there = route_from(*connection, side);
        const SimRoute back = route_from(*connection, 1 - side);
        cost = lane.slow_start.charge(engine.now(), bytes, there.latency + back.latency,
                                      there.bytes_per_second);
        cost.wait += loss_wait(bytes - cost.sent_bytes, there.latency + back.latency,
                               there.bytes_per_second, there.loss);
    }
    const std::uint64_t rest = bytes - cost.sent_bytes;
    if (cost.wait == SwarmDuration{0}) {
        start_transfer(connection, side, std::move(burst), rest);
    } else {
        engine.at(engine.now() + cost.wait,
                  [this, connection, side, burst = std::move(burst), rest]() mutable {
                      start_transfer(connection, side, std::move(burst), rest);
                  });
    }
}

void SimNetwork::Impl::start_transfer(const ConnectionPtr& connection, int side, Burst burst,
                                      std::uint64_t bytes) {
    if (!connection->open) {
        return;
    }
    const HostIndex from = connection->end[index(side)]->place.host;
    const HostIndex to = peer(*connection, side).place.host;
    if (!reachable(from, to)) {
        return reset(connection, "the route to " + engine.host_name(to) + " is down", {});
    }
    const bool small = bytes <= coalesce_bytes_max;
    if (small && bursts == Bursts::large && !cpu) {
        return send_small(connection, side, std::move(burst), bytes);
    }
    const bool limited = bursts == Bursts::large && from != to && !small;
    if (limited && !limit.admit(from, to, [this, connection, side, burst, bytes] {
            start_transfer(connection, side, burst, bytes);
        })) {
        return;
    }
    const std::uint64_t body_bytes = burst->size() == 1 ? burst->first.body.size() : 0;
    auto ended = [this, connection, side, from, to, limited,
                  burst = std::move(burst)](bool ok) mutable {
        transfer_ended(connection, side, std::move(burst), ok);
        if (limited) {
            limit.ended(from, to);
        }
    };
    ++connection->end[index(1 - side)]->arriving;
    const bool unshared =
        bursts == Bursts::large && (small || (limited && engine.has_equal_hosts()));
    const std::uint64_t number = unshared
                                     ? engine.transfer_unshared(from, to, bytes, std::move(ended))
                                     : engine.transfer(from, to, bytes, std::move(ended));
    lane_of(*connection, side).queue.begin_transfer({number, body_bytes});
}

void SimNetwork::Impl::send_small(const ConnectionPtr& connection, int side, Burst burst,
                                  std::uint64_t bytes) {
    Lane& lane = lane_of(*connection, side);
    const SimRoute route = route_from(*connection, side);
    const SwarmTime free_at =
        engine.now() + from_seconds(static_cast<double>(bytes) / route.bytes_per_second);
    lane.free_at_known = true;
    lane.slow_start.idle_from(free_at);
    lane.last_arrival = std::max(lane.last_arrival, free_at + route.latency);
    engine.at(lane.last_arrival, [this, connection, side, bytes, burst = std::move(burst)] {
        engine.meter().bytes_moved.fetch_add(bytes, std::memory_order_relaxed);
        receive(connection, side, burst);
    });
    wake_when_free(connection, side);
}

void SimNetwork::Impl::transfer_ended(const ConnectionPtr& connection, int side, Burst burst,
                                      bool ok) {
    --connection->end[index(1 - side)]->arriving;
    if (!connection->open) {
        return;
    }
    Lane& lane = lane_of(*connection, side);
    lane.queue.end_transfer();
    const HostIndex from = connection->end[index(side)]->place.host;
    const HostIndex to = peer(*connection, side).place.host;
    if (!ok || !reachable(from, to)) {
        return reset(connection, "the connection was reset", {});
    }
    const SwarmTime now = engine.now();
    lane.flowing = false;
    lane.slow_start.idle_from(now);
    // In order, even if the latency has decreased meanwhile.
    lane.last_arrival = std::max(lane.last_arrival, now + engine.route(from, to).latency);
    engine.at(lane.last_arrival, [this, connection, side, burst = std::move(burst)] {
        receive(connection, side, burst);
    });
    start_burst(connection, side);
}

void SimNetwork::Impl::receive(const ConnectionPtr& connection, int side, const Burst& burst) {
    Slot& slot = *connection->end[index(1 - side)];
    if (!cpu || !slot.alive) {
        return arrive(connection, side, *burst);
    }
    slot.thread->wake(thread_time(cpu->calibration, *connection, slot, *burst, false),
                      [this, connection, side, burst] { arrive(connection, side, *burst); });
}

void SimNetwork::Impl::arrive(const ConnectionPtr& connection, int side, Frames& burst) {
    note_newest(connection, *connection->end[index(1 - side)]);
    for (std::size_t place = 0; place < burst.size(); ++place) {
        Item& item = burst[place];
        const Slot& to = peer(*connection, side);
        if (!connection->open) {
            return;  // counted as lost by the reset
        }
        lane_of(*connection, side).undelivered_bytes -= item.bytes;
        if (to.alive) {
            counts.of(*connection, side).delivered += item.bytes;
            ++messages;
            to.receiver->handle(
                FrameReceived{connection->end[index(side)]->place.id, item.take_frame()});
        } else {
            counts.of(*connection, side).lost += item.bytes;
        }
    }
    if (static_cast<int>(connection->closing) == side) {
        finish_closing(connection);
    }
}

}  // namespace starling
