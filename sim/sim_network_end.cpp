// How connections end: nodes that stop drain theirs, nodes that are killed and routes that fail
// reset them, and the end of the simulation drops all.
#include <algorithm>
#include <utility>
#include <vector>

#include "sim/sim_network_impl.hpp"

namespace starling {

using namespace sim_connection;

void SimNetwork::Impl::drop(const ConnectionPtr& connection) {
    connection->open = false;
    for (const int side : {0, 1}) {
        if (const Lane* lane = find_lane(*connection, side)) {
            counts.of(*connection, side).lost += lane->undelivered_bytes;
        }
        lanes.take_back(connection->lane[index(side)]);
        forget(*connection->end[index(side)], connection);
    }
}

void SimNetwork::Impl::reset(const ConnectionPtr& connection, const std::string& reason,
                             SwarmDuration delay) {
    if (!connection->open) {
        return;
    }
    drop(connection);
    for (const int side : {0, 1}) {
        // At the end of a large swarm, most ends have stopped, and will not hear of it.
        if (!connection->end[index(side)]->alive || !is_announced(*connection, side)) {
            continue;
        }
        engine.at(engine.now() + delay, [connection, side, reason] {
            Slot& slot = *connection->end[index(side)];
            const NodeId other = peer(*connection, side).place.id;
            // Not if a newer connection has replaced it.
            if (slot.alive && !slot.peers.find(other)) {
                slot.receiver->handle(PeerLost{other, reason});
            }
        });
    }
}

void SimNetwork::Impl::finish_closing(const ConnectionPtr& connection) {
    const auto side = static_cast<int>(connection->closing);
    const Lane* const lane = find_lane(*connection, side);
    const bool drained = lane == nullptr || lane->undelivered_bytes == 0;
    if (connection->open && drained) {
        const Slot& closed = *connection->end[index(side)];
        reset(connection, closed.place.id.name + " has closed the connection", {});
    }
}

Slot* SimNetwork::Impl::remove(const NodeId& node) {
    Slot* const* const found = nodes.find(node);
    if (found == nullptr) {
        return nullptr;
    }
    Slot* const slot = *found;
    nodes.erase(node);
    slot->alive = false;
    if (!slot->place.listen.empty()) {
        std::erase(listening[slot->place.host], slot);
    }
    return slot;
}

void SimNetwork::Impl::close(const NodeId& node) {
    Slot* const slot = remove(node);
    if (slot == nullptr) {
        return;
    }
    std::map<SwarmDuration, std::vector<ConnectionPtr>> by_latency;
    for (const ConnectionPtr& connection : connections(*slot)) {
        const int side = side_of(*connection, *slot);
        connection->closing = side == 0 ? 0U : 1U;
        const HostIndex other = peer(*connection, side).place.host;
        by_latency[engine.route(slot->place.host, other).latency].push_back(connection);
    }
    for (auto& [latency, alike] : by_latency) {
        engine.at(engine.now() + latency, [this, closing = std::move(alike)] {
            for (const ConnectionPtr& connection : closing) {
                finish_closing(connection);
            }
        });
    }
}

void SimNetwork::Impl::kill(const NodeId& node, const std::string& reason) {
    Slot* const slot = remove(node);
    if (slot == nullptr) {
        return;
    }
    if (slot->thread) {
        slot->thread->cancel();
    }
    for (const ConnectionPtr& connection : connections(*slot)) {
        const int side = side_of(*connection, *slot);
        const HostIndex other = peer(*connection, side).place.host;
        reset(connection, reason,
              engine.host_on(slot->place.host) ? engine.route(slot->place.host, other).latency
                                               : SwarmDuration{0});
    }
}

std::vector<ConnectionPtr> SimNetwork::Impl::open_connections() const {
    std::vector<ConnectionPtr> open;
    for (const Slot& slot : slots) {
        slot.peers.for_each([&](const NodeId&, const ConnectionPtr& connection) {
            if (connection->end[0] == &slot) {
                open.push_back(connection);
            }
        });
    }
    std::ranges::sort(open, {}, [](const ConnectionPtr& one) { return one->number; });
    return open;
}

void SimNetwork::Impl::check_routes() {
    for (const ConnectionPtr& connection : open_connections()) {
        if (!reachable(connection->end[0]->place.host, connection->end[1]->place.host)) {
            reset(connection, "the connection was reset: its route is down", {});
        }
    }
}

void SimNetwork::Impl::end() {
    for (const Slot& slot : slots) {
        if (slot.thread) {
            slot.thread->cancel();
        }
    }
    for (const ConnectionPtr& connection : open_connections()) {
        drop(connection);
    }
}

bool SimNetwork::Impl::reachable(HostIndex a, HostIndex b) const {
    return engine.host_on(a) && engine.host_on(b) && engine.route(a, b).up && engine.route(b, a).up;
}

}  // namespace starling
