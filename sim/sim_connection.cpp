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
        connections.push_back(at->end[0]->peers.find(at->end[1]->place.id));
    }
    return connections;
}

const NodeId& PeerTable::id_of(const Slot& slot) { return slot.place.id; }

std::vector<PeerTable::Few>::const_iterator PeerTable::place_of(const NodeId& peer) const {
    return std::lower_bound(few_.begin(), few_.end(), peer,
                            [](const Few& one, const NodeId& id) { return id_of(*one.peer) < id; });
}

ConnectionPtr PeerTable::find(const NodeId& peer) const {
    if (many_) {
        const auto found = many_->find(peer);
        return found == many_->end() ? nullptr : found->second;
    }
    const auto at = place_of(peer);
    return at == few_.end() || id_of(*at->peer) != peer ? nullptr : at->connection;
}

void PeerTable::add(const Slot& peer, const ConnectionPtr& connection) {
    if (few_.size() == few_max) {
        many_ = std::make_unique<std::map<NodeId, ConnectionPtr>>();
        for (Few& one : few_) {
            many_->emplace_hint(many_->end(), id_of(*one.peer), std::move(one.connection));
        }
        std::vector<Few>().swap(few_);
    }
    if (many_) {
        many_->emplace(id_of(peer), connection);
        return;
    }
    const auto place = place_of(id_of(peer)) - few_.cbegin();
    if (few_.size() == few_.capacity()) {
        few_.reserve(few_.size() + 4);
    }
    few_.insert(few_.begin() + place, Few{&peer, connection});
}

void PeerTable::erase(const NodeId& peer) {
    if (many_) {
        many_->erase(peer);
        return;
    }
    const auto at = place_of(peer);
    if (at != few_.end() && id_of(*at->peer) == peer) {
        few_.erase(at);
    }
}

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
                  HostByteCounts& counts) {
    const auto cancel = [&](const NodeId&, const ConnectionPtr& connection) {
        const int side = side_of(*connection, from);
        Lane& lane = connection->lane[index(side)];
        ByteCount& counted = counts.at(connection->counted[index(side)]);
        lane.queue.erase_if([&](const Item& item) {
            if (item.group != group) {
                return false;
            }
            counted.sent -= item.bytes;
            lane.undelivered_bytes -= item.bytes;
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
        at.newest.reset();
    }
    const NodeId& other = peer(*connection, side_of(*connection, at)).place.id;
    if (at.peers.find(other) == connection) {
        at.peers.erase(other);
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

std::uint32_t HostByteCounts::place_of(HostIndex from, HostIndex to) {
    if (!keeps_hosts_) {
        return 0;
    }
    const auto next = static_cast<std::uint32_t>(counts_.size());
    const auto [found, is_new] = places_.try_emplace({from, to}, next);
    if (is_new) {
        counts_.emplace_back();
    }
    return found->second;
}

std::map<std::pair<HostIndex, HostIndex>, ByteCount> HostByteCounts::by_hosts() const {
    std::map<std::pair<HostIndex, HostIndex>, ByteCount> counts;
    for (const auto& [hosts, place] : places_) {
        counts.emplace_hint(counts.end(), hosts, counts_[place]);
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

SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const Frames& burst, bool sends) {
    const double rate = connection.local ? table.local_bytes_per_second
                        : sends          ? table.tls_send_bytes_per_second
                                         : table.tls_receive_bytes_per_second;
    // What a segment costs beside its bytes is part of the rates, which are measured with segments.
    const auto has_no_body = [](const Item& item) { return item.frame.body.size() == 0; };
    const auto messages = std::count_if(burst.more.begin(), burst.more.end(), has_no_body) +
                          (has_no_body(burst.first) ? 1 : 0);
    return from_seconds((static_cast<double>(messages) * table.message_seconds +
                         static_cast<double>(bytes_of(burst)) / rate) /
                        slot.thread->speed);
}

}  // namespace sim_connection
}  // namespace starling
