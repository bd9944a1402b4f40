// How connections end: nodes that stop drain theirs, nodes that are killed and routes that fail
// reset them, and the end of the simulation drops all.
#include <utility>
#include <vector>

#include "sim/sim_network_impl.hpp"

namespace starling {

using namespace sim_connection;

void SimNetwork::Impl::drop(const ConnectionPtr& connection) {
    connection->open = false;
    open.remove(*connection);
    for (const int side : {0, 1}) {
        Lane& lane = connection->lane[index(side)];
        counts.at(connection->counted[index(side)]).lost += lane.undelivered_bytes;
        lane.undelivered_bytes = 0;
        lane.queue.clear();
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
        if (!connection->end[index(side)]->alive || !connection->announced[index(side)]) {
            continue;
        }
        engine.at(engine.now() + delay, [connection, side, reason] {
            Slot& slot = *connection->end[index(side)];
            const NodeId other = peer(*connection, side).place.id;
            // Not if a newer connection has replaced it.
            if (slot.alive && !slot.peers.find(other)) {
                slot.deliver(PeerLost{other, reason});
            }
        });
    }
}

void SimNetwork::Impl::finish_closing(const ConnectionPtr& connection) {
    Lane& lane = connection->lane[index(connection->closing)];
    if (connection->open && lane.queue.empty() && !is_flowing(lane, engine.now()) &&
        !lane.preparing && !lane.queue.has_prepared() && lane.in_flight == 0) {
        const Slot& closed = *connection->end[index(connection->closing)];
        reset(connection, closed.place.id.name + " has closed the connection", {});
    }
}

SlotPtr SimNetwork::Impl::remove(const NodeId& node) {
    const auto found = nodes.find(node);
    if (found == nodes.end()) {
        return nullptr;
    }
    SlotPtr slot = *found;
    nodes.erase(found);
    slot->alive = false;
    for (const SimListen& listen : slot->place.listen) {
        listening.erase(listen_key(slot->place.host, listen.address));
    }
    return slot;
}

void SimNetwork::Impl::close(const NodeId& node) {
    const SlotPtr slot = remove(node);
    if (!slot) {
        return;
    }
    std::map<SwarmDuration, std::vector<ConnectionPtr>> by_latency;
    for (const ConnectionPtr& connection : connections(*slot)) {
        connection->closing = side_of(*connection, *slot);
        const HostIndex other = peer(*connection, connection->closing).place.host;
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
    const SlotPtr slot = remove(node);
    if (!slot) {
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

void SimNetwork::Impl::check_routes() {
    for (const ConnectionPtr& connection : open.all()) {
        if (!reachable(connection->end[0]->place.host, connection->end[1]->place.host)) {
            reset(connection, "the connection was reset: its route is down", {});
        }
    }
}

void SimNetwork::Impl::end() {
    for (const SlotPtr& slot : nodes) {
        if (slot->thread) {
            slot->thread->cancel();
        }
    }
    for (const ConnectionPtr& connection : open.all()) {
        drop(connection);
    }
}

std::pair<HostIndex, Address> SimNetwork::Impl::listen_key(HostIndex host, const Address& address) {
    return {host, address.port == 0 ? address : Address{"", address.port}};
}

bool SimNetwork::Impl::reachable(HostIndex a, HostIndex b) const {
    return engine.host_on(a) && engine.host_on(b) && engine.route(a, b).up && engine.route(b, a).up;
}

}  // namespace starling
