// Connections of the simulated network. Each direction (lane) is a FIFO: bursts of frames flow one
// after the other over SimGrid's links, then arrive one latency later, in order. What TCP adds to
// SimGrid's flows is modelled here: connection set-up (two round trips and the TLS handshake), slow
// start, and resets.
//
// Invariant: each byte sent is counted once more, as delivered or as lost (ByteCount). A closed
// connection (`open` false) ignores all callbacks that are still under way for it.
#include "sim/sim_network.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/flow_limit.hpp"
#include "sim/link_conditions.hpp"
#include "sim/sim_connection.hpp"

namespace starling {

using namespace sim_connection;

namespace {

constexpr std::uint64_t coalesce_bytes_max = std::uint64_t{64} * 1024;
constexpr std::uint64_t large_burst_bytes_max = std::uint64_t{16} * 1024 * 1024;
// Limit if nobody answers: that of a real endpoint for TCP and TLS.
constexpr SwarmDuration connect_limit = std::chrono::seconds(5);

}  // namespace

struct SimNetwork::Impl {
    Impl(SimEngine& sim_engine, SwarmDuration handshake_time, std::optional<NetworkCpu> network_cpu,
         Bursts burst_sizes, bool counts_by_hosts)
        : engine(sim_engine),
          handshake(handshake_time),
          bursts(burst_sizes),
          counts(counts_by_hosts),
          limit(engine.has_equal_hosts() ? 1 : 2) {
        if (network_cpu && network_cpu->calibration.charges_network()) {
            cpu.emplace(*network_cpu);
        }
    }

    // Connecting: from a dial to PeerUp at both ends, or ConnectFailed.

    void connect(const SlotPtr& from, const Address& address, Role role) {
        auto dial = std::make_shared<Dial>(Dial{from, address, role, from->place.host, {}});
        const SwarmTime now = engine.now();
        if (address.port != 0) {
            const auto host = engine.find_address(address.host);
            if (!host) {
                return fail(dial, now, Errc::unreachable,
                            "no host of the platform has the address " + address.host);
            }
            dial->host = *host;
        }
        if (!reachable(from->place.host, dial->host)) {
            return fail(dial, now + connect_limit, Errc::unreachable,
                        "no answer from " + to_string(address));
        }
        dial->round_trip = engine.route(from->place.host, dial->host).latency +
                           engine.route(dial->host, from->place.host).latency;
        if (!listener(*dial)) {
            return fail(dial, now + dial->round_trip, Errc::unreachable,
                        "nothing listens on " + to_string(address));
        }
        const SwarmDuration cost =
            address.port == 0 ? dial->round_trip : 2 * dial->round_trip + handshake;
        engine.at(now + cost, [this, dial] { establish(dial); });
    }

    void fail(const std::shared_ptr<Dial>& dial, SwarmTime at, Errc code, std::string why) {
        engine.at(at, [dial, code, why = std::move(why)] {
            if (dial->from->alive) {
                dial->from->deliver(
                    ConnectFailed{dial->address, Error{code, why}, code == Errc::refused});
            }
        });
    }

    SlotPtr listener(const Dial& dial) const {
        const auto found = listening.find(listen_key(dial.host, dial.address));
        return found == listening.end() ? nullptr : found->second;
    }

    void establish(const std::shared_ptr<Dial>& dial) {
        const SlotPtr& from = dial->from;
        if (!from->alive) {
            return;
        }
        const SlotPtr to = listener(*dial);
        const std::string where = to_string(dial->address);
        if (!reachable(from->place.host, dial->host)) {
            return fail(dial, engine.now() + connect_limit, Errc::unreachable,
                        "no answer from " + where);
        }
        if (!to) {
            return fail(dial, engine.now(), Errc::unreachable, "nothing listens on " + where);
        }
        if (to->place.role != dial->role) {
            return fail(dial, engine.now(), Errc::refused,
                        "the node at " + where + " is " + to->place.id.name + " of role " +
                            std::string(to_string(to->place.role)) + ", not " +
                            std::string(to_string(dial->role)));
        }
        if (to == from || !accepts(*to, *dial)) {
            return fail(dial, engine.now(), Errc::refused,
                        to->place.id.name + " does not accept " + from->place.id.name +
                            " of role " + std::string(to_string(from->place.role)) + " on " +
                            where);
        }
        auto connection = std::make_shared<Connection>();
        connection->end = {from, to};
        connection->local = dial->address.port == 0;
        for (const int side : {0, 1}) {
            replace(*connection, side);
            Slot& other = peer(*connection, side);
            connection->end[index(side)]->peers.add(other, connection);
            connection->counted[index(side)] =
                &counts.of(connection->end[index(side)]->place.host, other.place.host);
        }
        open.add(*connection);
        announce(connection, 1, {});
        announce(connection, 0, dial->address);
    }

    /// The newer connection replaces the older, without PeerLost.
    void replace(const Connection& fresh, int side) {
        const auto& peers = fresh.end[index(side)]->peers;
        if (const ConnectionPtr old = peers.find(peer(fresh, side).place.id)) {
            drop(old);
        }
    }

    void announce(const ConnectionPtr& connection, int side, Address dialled) {
        engine.at(engine.now(), [connection, side, dialled = std::move(dialled)] {
            Slot& slot = *connection->end[index(side)];
            if (connection->open && slot.alive) {
                connection->announced[index(side)] = true;
                const Slot& other = peer(*connection, side);
                slot.deliver(PeerUp{other.place.id, other.place.role, dialled});
            }
        });
    }

    // Sending: frames of a side are queued, and sent in bursts over the route.

    void send(const SlotPtr& from, const NodeId& to, Frame frame, SendGroup group) {
        const ConnectionPtr connection = connection_to(*from, to);
        if (!connection) {
            return;
        }
        const int side = side_of(*connection, *from);
        const std::uint64_t bytes = wire_size(frame, connection->local);
        Lane& lane = connection->lane[index(side)];
        connection->counted[index(side)]->sent += bytes;
        lane.undelivered_bytes += bytes;
        Item item{std::move(frame), bytes, group};
        if (!cpu && connection->open && lane.queue.empty() && !is_flowing(lane, engine.now())) {
            // As most: it waits for nothing.
            return flow(connection, side, std::make_shared<Frames>(std::move(item)));
        }
        lane.queue.push_back(std::move(item));
        start_burst(connection, side);
    }

    Arrivals arrivals(const SlotPtr& at) const {
        Arrivals arrivals;
        if (at->arriving == 0) {
            return arrivals;  // most of the time, and there may be 100,000 peers
        }
        at->peers.for_each([&](const NodeId& peer_id, const ConnectionPtr& connection) {
            const Lane& lane = connection->lane[connection->end[0] == at ? 1 : 0];
            if (lane.flowing && lane.transfer != 0 && lane.body_bytes > 0) {
                const auto left = static_cast<std::uint64_t>(
                    std::max(0.0, engine.remaining_bytes(lane.transfer)));
                arrivals.body_bytes[peer_id] = lane.body_bytes - std::min(lane.body_bytes, left);
            }
        });
        return arrivals;
    }

    /// Starts the next burst of a lane if none is being sent. With processor time, the sender
    /// prepares one burst while another flows, as into a socket's buffer.
    void start_burst(const ConnectionPtr& connection, int side) {
        Lane& lane = connection->lane[index(side)];
        if (!connection->open) {
            return;
        }
        if (!cpu) {
            if (!is_flowing(lane, engine.now()) && !lane.queue.empty()) {
                flow(connection, side, take_burst(lane, most_in_burst(*connection, side)));
            }
            wake_when_free(connection, side);
            return;
        }
        if (!lane.flowing && lane.prepared) {
            flow(connection, side, std::exchange(lane.prepared, nullptr));
        }
        if (lane.preparing || lane.prepared || lane.queue.empty()) {
            return;
        }
        lane.preparing = true;
        const Burst burst = take_burst(lane, most_in_burst(*connection, side));
        Slot& slot = *connection->end[index(side)];
        slot.thread->run(thread_time(cpu->calibration, *connection, slot, *burst, true),
                         [this, connection, side, burst] {
                             connection->lane[index(side)].preparing = false;
                             connection->lane[index(side)].prepared = burst;
                             start_burst(connection, side);
                         });
    }

    void wake_when_free(const ConnectionPtr& connection, int side) {
        Lane& lane = connection->lane[index(side)];
        if (lane.free_at_known && !lane.queue.empty() && !std::exchange(lane.wakes, true)) {
            engine.at(lane.free_at, [this, connection, side] {
                connection->lane[index(side)].wakes = false;
                start_burst(connection, side);
            });
        }
    }

    std::uint64_t most_in_burst(const Connection& connection, int side) {
        if (bursts == Bursts::small) {
            return coalesce_bytes_max;
        }
        const double rate = route_from(connection, side).bytes_per_second;
        return std::clamp(static_cast<std::uint64_t>(rate * 0.02), coalesce_bytes_max,
                          large_burst_bytes_max);
    }

    SimRoute route_from(const Connection& connection, int side) {
        return engine.route(connection.end[index(side)]->place.host,
                            peer(connection, side).place.host);
    }

    void flow(const ConnectionPtr& connection, int side, Burst burst) {
        Lane& lane = connection->lane[index(side)];
        const std::uint64_t bytes = bytes_of(*burst);
        lane.flowing = true;
        lane.transfer = 0;
        lane.body_bytes = burst->size() == 1 ? burst->first.frame.body.size() : 0;
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

    void start_transfer(const ConnectionPtr& connection, int side, Burst burst,
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
        connection->lane[index(side)].transfer =
            unshared ? engine.transfer_unshared(from, to, bytes, std::move(ended))
                     : engine.transfer(from, to, bytes, std::move(ended));
    }

    /// Most messages are small and alone, so that one event for each of them is most of all events.
    void send_small(const ConnectionPtr& connection, int side, Burst burst, std::uint64_t bytes) {
        Lane& lane = connection->lane[index(side)];
        const SimRoute route = route_from(*connection, side);
        lane.free_at_known = true;
        lane.free_at =
            engine.now() + from_seconds(static_cast<double>(bytes) / route.bytes_per_second);
        ++lane.in_flight;
        lane.last_arrival = std::max(lane.last_arrival, lane.free_at + route.latency);
        engine.at(lane.last_arrival, [this, connection, side, bytes, burst = std::move(burst)] {
            engine.meter().bytes_moved.fetch_add(bytes, std::memory_order_relaxed);
            receive(connection, side, burst);
        });
        wake_when_free(connection, side);
    }

    void transfer_ended(const ConnectionPtr& connection, int side, Burst burst, bool ok) {
        --connection->end[index(1 - side)]->arriving;
        if (!connection->open) {
            return;
        }
        const HostIndex from = connection->end[index(side)]->place.host;
        const HostIndex to = peer(*connection, side).place.host;
        if (!ok || !reachable(from, to)) {
            return reset(connection, "the connection was reset", {});
        }
        Lane& lane = connection->lane[index(side)];
        const SwarmTime now = engine.now();
        lane.flowing = false;
        lane.slow_start.idle_from(now);
        ++lane.in_flight;
        // In order, even if the latency has decreased meanwhile.
        lane.last_arrival = std::max(lane.last_arrival, now + engine.route(from, to).latency);
        engine.at(lane.last_arrival, [this, connection, side, burst = std::move(burst)] {
            receive(connection, side, burst);
        });
        start_burst(connection, side);
    }

    /// The receiver's thread decrypts what has arrived.
    void receive(const ConnectionPtr& connection, int side, const Burst& burst) {
        Slot& slot = *connection->end[index(1 - side)];
        if (!cpu || !slot.alive) {
            return arrive(connection, side, *burst);
        }
        slot.thread->run(thread_time(cpu->calibration, *connection, slot, *burst, false),
                         [this, connection, side, burst] { arrive(connection, side, *burst); });
    }

    void arrive(const ConnectionPtr& connection, int side, Frames& burst) {
        Lane& lane = connection->lane[index(side)];
        --lane.in_flight;
        note_newest(connection, *connection->end[index(1 - side)]);
        const NodeId from = connection->end[index(side)]->place.id;
        for (std::size_t place = 0; place < burst.size(); ++place) {
            Item& item = burst[place];
            const SlotPtr to = connection->end[index(1 - side)];
            if (!connection->open) {
                return;  // counted as lost by the reset
            }
            lane.undelivered_bytes -= item.bytes;
            if (to->alive) {
                connection->counted[index(side)]->delivered += item.bytes;
                ++messages;
                to->deliver(FrameReceived{from, std::move(item.frame)});
            } else {
                connection->counted[index(side)]->lost += item.bytes;
            }
        }
        if (connection->closing == side) {
            finish_closing(connection);
        }
    }

    // Ending: connections that are reset or closed, nodes that stop or are killed.

    /// Removes a connection; its undelivered bytes are lost.
    void drop(const ConnectionPtr& connection) {
        connection->open = false;
        open.remove(*connection);
        for (const int side : {0, 1}) {
            Lane& lane = connection->lane[index(side)];
            connection->counted[index(side)]->lost += lane.undelivered_bytes;
            lane.undelivered_bytes = 0;
            lane.queue.clear();
            forget(*connection->end[index(side)], connection);
        }
    }

    void reset(const ConnectionPtr& connection, const std::string& reason, SwarmDuration delay) {
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

    void finish_closing(const ConnectionPtr& connection) {
        Lane& lane = connection->lane[index(connection->closing)];
        if (connection->open && lane.queue.empty() && !is_flowing(lane, engine.now()) &&
            !lane.preparing && !lane.prepared && lane.in_flight == 0) {
            const Slot& closed = *connection->end[index(connection->closing)];
            reset(connection, closed.place.id.name + " has closed the connection", {});
        }
    }

    SlotPtr remove(const NodeId& node) {
        const auto found = nodes.find(node);
        if (found == nodes.end()) {
            return nullptr;
        }
        SlotPtr slot = found->second;
        nodes.erase(found);
        slot->alive = false;
        for (const SimListen& listen : slot->place.listen) {
            listening.erase(listen_key(slot->place.host, listen.address));
        }
        return slot;
    }

    void close(const NodeId& node) {
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

    void kill(const NodeId& node, const std::string& reason) {
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

    void check_routes() {
        for (const ConnectionPtr& connection : open.all()) {
            if (!reachable(connection->end[0]->place.host, connection->end[1]->place.host)) {
                reset(connection, "the connection was reset: its route is down", {});
            }
        }
    }

    void end() {
        for (const auto& [id, slot] : nodes) {
            if (slot->thread) {
                slot->thread->cancel();
            }
        }
        for (const ConnectionPtr& connection : open.all()) {
            drop(connection);
        }
    }

    // Look-ups.

    /// Each host has one name space of paths, and one of ports.
    static std::pair<HostIndex, Address> listen_key(HostIndex host, const Address& address) {
        return {host, address.port == 0 ? address : Address{"", address.port}};
    }
    bool reachable(HostIndex a, HostIndex b) const {
        return engine.host_on(a) && engine.host_on(b) && engine.route(a, b).up &&
               engine.route(b, a).up;
    }
    SimEngine& engine;
    SwarmDuration handshake;
    Bursts bursts;
    HostByteCounts counts;
    std::optional<NetworkCpu> cpu;  ///< none: it costs nothing
    std::map<NodeId, SlotPtr> nodes;
    std::map<std::pair<HostIndex, Address>, SlotPtr> listening;
    OpenConnections open;
    std::uint64_t messages = 0;  ///< delivered
    FlowLimit limit;

    class Port;
};

class SimNetwork::Impl::Port final : public Endpoint {
public:
    Port(Impl& network, SlotPtr slot) : network_(network), slot_(std::move(slot)) {}

    SwarmTime now() const override { return network_.engine.now(); }
    void connect(const Address& address, Role role) override {
        if (slot_->alive) {
            network_.connect(slot_, address, role);
        }
    }
    void send(const NodeId& to, Frame frame, SendGroup group) override {
        if (slot_->alive) {
            network_.send(slot_, to, std::move(frame), group);
        }
    }
    void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override {
        if (slot_->alive) {
            sim_connection::cancel_sends(*slot_, group, to);
        }
    }
    Arrivals arrivals() const override { return network_.arrivals(slot_); }

private:
    Impl& network_;
    SlotPtr slot_;
};

SimNetwork::SimNetwork(SimEngine& engine, SwarmDuration handshake, std::optional<NetworkCpu> cpu,
                       Bursts bursts, bool counts_by_hosts)
    : impl_(std::make_unique<Impl>(engine, handshake, cpu, bursts, counts_by_hosts)) {
    engine.on_link_change([this](const std::string&, bool) { check_routes(); });
}

SimNetwork::~SimNetwork() {
    end();  // connections and slots hold each other
}

void SimNetwork::end() { impl_->end(); }

Result<std::unique_ptr<Endpoint>> SimNetwork::attach(SimPlace place,
                                                     std::function<void(Input&&)> deliver) {
    if (impl_->nodes.contains(place.id)) {
        return Error{Errc::io,
                     "two nodes have the name " + place.id.name + ": give each a different --name"};
    }
    for (const SimListen& listen : place.listen) {
        const auto used = impl_->listening.find(Impl::listen_key(place.host, listen.address));
        if (used != impl_->listening.end()) {
            return Error{Errc::io, place.id.name + ": " + to_string(listen.address) + " on " +
                                       impl_->engine.host_name(place.host) + " is in use by " +
                                       used->second->place.id.name +
                                       ": choose another port (--sn-api-port, --sl-fs-port)"};
        }
    }
    auto slot = std::make_shared<Slot>();
    slot->place = std::move(place);
    slot->deliver = std::move(deliver);
    if (impl_->cpu) {
        const SimHost host = impl_->cpu->machines.host(slot->place.host);
        slot->thread = std::make_unique<SimThread>(host.machine().cores);
        slot->speed = host.speed();
    }
    impl_->nodes.emplace(slot->place.id, slot);
    for (const SimListen& listen : slot->place.listen) {
        impl_->listening.emplace(Impl::listen_key(slot->place.host, listen.address), slot);
    }
    return std::unique_ptr<Endpoint>(std::make_unique<Impl::Port>(*impl_, slot));
}

void SimNetwork::close(const NodeId& node) { impl_->close(node); }
void SimNetwork::kill(const NodeId& node, const std::string& reason) { impl_->kill(node, reason); }
void SimNetwork::check_routes() { impl_->check_routes(); }

const std::map<std::pair<HostIndex, HostIndex>, ByteCount>& SimNetwork::bytes() const {
    return impl_->counts.by_hosts();
}

std::uint64_t SimNetwork::messages() const { return impl_->messages; }

ByteCount SimNetwork::total() const { return impl_->counts.total(); }

}  // namespace starling
