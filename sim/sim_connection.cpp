// Bytes and processor time of frames.
#include "sim/sim_connection.hpp"

#include <algorithm>
#include <numeric>

#include "core/wire/codec.hpp"

namespace starling {
namespace {

constexpr std::uint64_t tls_record_bytes = 16'384;
constexpr std::uint64_t tls_overhead_bytes = 22;  // header 5, content type 1, tag 16

}  // namespace

std::uint64_t wire_size(const Frame& frame, bool local_socket) {
    const std::uint64_t bytes = encoded_size(frame);
    const std::uint64_t records = (bytes + tls_record_bytes - 1) / tls_record_bytes;
    return bytes + (local_socket ? 0 : records * tls_overhead_bytes);
}

namespace sim_connection {
namespace {

void add(ByteCount& sum, const ByteCount& more) {
    sum.sent += more.sent;
    sum.delivered += more.delivered;
    sum.lost += more.lost;
}

}  // namespace

void OpenConnections::add(Connection& connection) {
    connection.before = last_;
    (last_ == nullptr ? first_ : last_->after) = &connection;
    last_ = &connection;
}

void OpenConnections::remove(Connection& connection) {
    (connection.before == nullptr ? first_ : connection.before->after) = connection.after;
    (connection.after == nullptr ? last_ : connection.after->before) = connection.before;
}

std::vector<ConnectionPtr> OpenConnections::all() const {
    std::vector<ConnectionPtr> connections;
    for (const Connection* at = first_; at != nullptr; at = at->after) {
        connections.push_back(at->end[0]->peers.at(at->end[1]->place.id));
    }
    return connections;
}

Burst take_burst(Lane& lane, std::uint64_t most) {
    auto burst = std::make_shared<std::vector<Item>>();
    std::uint64_t bytes = 0;
    while (!lane.queue.empty() && (burst->empty() || bytes + lane.queue.front().bytes <= most)) {
        bytes += lane.queue.front().bytes;
        burst->push_back(std::move(lane.queue.front()));
        lane.queue.pop_front();
    }
    return burst;
}

bool is_flowing(Lane& lane, SwarmTime now) {
    if (lane.free_at_known && lane.free_at <= now) {
        lane.slow_start.idle_from(lane.free_at);
        lane.free_at_known = false;
        lane.flowing = false;
    }
    return lane.flowing;
}

void cancel_sends(const Slot& from, SendGroup group, const std::optional<NodeId>& to) {
    for (const auto& [peer_id, connection] : from.peers) {
        if (to && *to != peer_id) {
            continue;
        }
        const int side = side_of(*connection, from);
        Lane& lane = connection->lane[index(side)];
        ByteCount& counted = connection->counted[index(side)];
        lane.queue.erase_if([&](const Item& item) {
            if (item.group != group) {
                return false;
            }
            counted.sent -= item.bytes;
            lane.undelivered_bytes -= item.bytes;
            return true;
        });
    }
}

std::vector<ConnectionPtr> connections(const Slot& slot) {
    std::vector<ConnectionPtr> all;
    for (const auto& [id, connection] : slot.peers) {
        all.push_back(connection);
    }
    return all;
}

ConnectionPtr connection_to(const Slot& from, const NodeId& to) {
    if (from.newest && peer(*from.newest, side_of(*from.newest, from)).place.id == to) {
        return from.newest;
    }
    const auto found = from.peers.find(to);
    return found == from.peers.end() ? nullptr : found->second;
}

void note_newest(const ConnectionPtr& connection, Slot& at) {
    if (connection->open && at.newest != connection) {
        at.newest = connection;
    }
}

void forget(Slot& at, const ConnectionPtr& connection) {
    if (at.newest == connection) {
        at.newest.reset();
    }
    const auto found = at.peers.find(peer(*connection, side_of(*connection, at)).place.id);
    if (found != at.peers.end() && found->second == connection) {
        at.peers.erase(found);
    }
}

bool accepts(const Slot& to, const Dial& dial) {
    for (const SimListen& listen : to.place.listen) {
        if (listen.address.port == dial.address.port &&
            (dial.address.port != 0 || listen.address.host == dial.address.host)) {
            return listen.accepts.contains(dial.from->place.role);
        }
    }
    return false;
}

void HostByteCounts::collect(Connection& connection) {
    for (const int side : {0, 1}) {
        const auto hosts =
            std::pair(connection.end[index(side)]->place.host, peer(connection, side).place.host);
        add(by_hosts_[hosts], std::exchange(connection.counted[index(side)], {}));
    }
}

ByteCount HostByteCounts::total() const {
    ByteCount total;
    for (const auto& [hosts, count] : by_hosts_) {
        add(total, count);
    }
    return total;
}

std::uint64_t bytes_of(const std::vector<Item>& burst) {
    return std::accumulate(burst.begin(), burst.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Item& item) { return sum + item.bytes; });
}

SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const std::vector<Item>& burst, bool sends) {
    const double rate = connection.local ? table.local_bytes_per_second
                        : sends          ? table.tls_send_bytes_per_second
                                         : table.tls_receive_bytes_per_second;
    // What a segment costs beside its bytes is part of the rates, which are measured with segments.
    const auto messages = std::count_if(
        burst.begin(), burst.end(), [](const Item& item) { return item.frame.body.size() == 0; });
    return from_seconds((static_cast<double>(messages) * table.message_seconds +
                         static_cast<double>(bytes_of(burst)) / rate) /
                        slot.speed);
}

}  // namespace sim_connection
}  // namespace starling
