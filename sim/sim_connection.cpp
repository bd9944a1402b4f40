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

Burst take_burst(Lane& lane, std::uint64_t most) {
    std::uint64_t bytes = lane.queue.front().bytes;
    auto burst = std::make_shared<Frames>(std::move(lane.queue.front()));
    lane.queue.pop_front();
    while (!lane.queue.empty() && bytes + lane.queue.front().bytes <= most) {
        bytes += lane.queue.front().bytes;
        burst->more.push_back(std::move(lane.queue.front()));
        lane.queue.pop_front();
    }
    return burst;
}

bool is_flowing(Lane& lane, SwarmTime now) {
    if (lane.free_at_known && lane.slow_start.idle_since() <= now) {
        lane.free_at_known = false;
        lane.flowing = false;
    }
    return lane.flowing;
}

void cancel_sends(const Slot& from, SendGroup group, const std::optional<NodeId>& to,
                  const LanePool& lanes, HostByteCounts& counts) {
    const auto cancel = [&](const NodeId&, const ConnectionPtr& connection) {
        const int side = side_of(*connection, from);
        Lane* const lane = lanes.find(connection->lane[index(side)]);
        if (lane == nullptr) {
            return;
        }
        ByteCount& counted = counts.of(*connection, side);
        lane->queue.erase_if([&](const Item& item) {
            if (item.group != group) {
                return false;
            }
            counted.sent -= item.bytes;
            lane->undelivered_bytes -= item.bytes;
            return true;
        });
    };
    if (!to) {
        from.peers.for_each(cancel);
    } else if (const ConnectionPtr connection = from.peers.find(*to)) {
        cancel(*to, connection);
    }
}

std::vector<ConnectionPtr> connections(const Slot& slot) {
    std::vector<ConnectionPtr> all;
    slot.peers.for_each(
        [&all](const NodeId&, const ConnectionPtr& connection) { all.push_back(connection); });
    return all;
}

ConnectionPtr connection_to(const Slot& from, const NodeId& to) {
    if (from.newest && peer(*from.newest, side_of(*from.newest, from)).place.id == to) {
        return from.newest;
    }
    return from.peers.find(to);
}

void note_newest(const ConnectionPtr& connection, Slot& at) {
    if (connection->open && at.newest != connection) {
        at.newest = connection;
    }
}

void forget(Slot& at, const ConnectionPtr& connection) {
    if (at.newest == connection) {
        at.newest = {};
    }
    const NodeId& other = peer(*connection, side_of(*connection, at)).place.id;
    if (at.peers.find(other) == connection) {
        at.peers.erase(other);
    }
}

const SimListen* listen_at(const Slot& slot, const Address& address) {
    for (const SimListen& listen : slot.place.listen) {
        if (listen.address.port == address.port &&
            (address.port != 0 || listen.address.host == address.host)) {
            return &listen;
        }
    }
    return nullptr;
}

bool accepts(const Slot& to, const Dial& dial) {
    const SimListen* const listen = listen_at(to, dial.address);
    return listen != nullptr && listen->accepts.contains(dial.from->place.role);
}

void HostByteCounts::add_connection(HostIndex a, HostIndex b) {
    if (!keeps_hosts_) {
        return;
    }
    const auto next = static_cast<std::uint32_t>(counts_.size());
    const auto [found, is_new] = places_.try_emplace(std::minmax(a, b), next);
    if (is_new) {
        counts_.resize(counts_.size() + 2);
    }
    by_connection_.push_back(found->second);
}

ByteCount& HostByteCounts::of(const Connection& connection, int side) {
    if (!keeps_hosts_) {
        return counts_.front();
    }
    const bool from_higher =
        connection.end[index(side)]->place.host > connection.end[index(1 - side)]->place.host;
    return counts_[by_connection_[connection.number] + (from_higher ? 1U : 0U)];
}

std::map<std::pair<HostIndex, HostIndex>, ByteCount> HostByteCounts::by_hosts() const {
    std::map<std::pair<HostIndex, HostIndex>, ByteCount> counts;
    for (const auto& [hosts, place] : places_) {
        counts.emplace(hosts, counts_[place]);
        counts.emplace(std::pair(hosts.second, hosts.first), counts_[place + 1]);
    }
    return counts;
}

ByteCount HostByteCounts::total() const {
    ByteCount total;
    for (const ByteCount& count : counts_) {
        add(total, count);
    }
    return total;
}

std::uint64_t bytes_of(const Frames& burst) {
    return std::accumulate(burst.more.begin(), burst.more.end(), burst.first.bytes,
                           [](std::uint64_t sum, const Item& item) { return sum + item.bytes; });
}

/// Of a frame without a segment. Commands to an SN and its answers are signed.
static double message_seconds(const Calibration& table, const Connection& connection) {
    const bool of_sn =
        connection.end[0]->place.role == Role::sn || connection.end[1]->place.role == Role::sn;
    return of_sn ? table.message_seconds
                 : table.unsigned_message_seconds.value_or(table.message_seconds);
}

SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const Frames& burst, bool sends) {
    const double rate = connection.local ? table.local_bytes_per_second
                        : sends          ? table.tls_send_bytes_per_second
                                         : table.tls_receive_bytes_per_second;
    // What a segment costs beside its bytes is part of the rates, which are measured with segments.
    const auto has_no_body = [](const Item& item) { return item.body.size() == 0; };
    const auto messages = std::count_if(burst.more.begin(), burst.more.end(), has_no_body) +
                          (has_no_body(burst.first) ? 1 : 0);
    return from_seconds((static_cast<double>(messages) * message_seconds(table, connection) +
                         static_cast<double>(bytes_of(burst)) / rate) /
                        slot.thread->speed);
}

}  // namespace sim_connection
}  // namespace starling
