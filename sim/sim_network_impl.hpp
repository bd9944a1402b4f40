#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/flow_limit.hpp"
#include "sim/sim_connection.hpp"
#include "sim/sim_network.hpp"

namespace starling {

/// What the simulated network is made of; for the files sim_network*.cpp only. Each direction
/// (lane) of a connection is a FIFO: bursts of frames flow one after the other over SimGrid's
/// links, then arrive one latency later, in order.
///
/// Invariant: each byte sent is counted once more, as delivered or as lost (ByteCount). A closed
/// connection (`open` false) ignores all callbacks that are still under way for it.
struct SimNetwork::Impl {
    using Slot = sim_connection::Slot;
    using Dial = sim_connection::Dial;
    using Connection = sim_connection::Connection;
    using ConnectionPtr = sim_connection::ConnectionPtr;
    using Frames = sim_connection::Frames;
    using Burst = sim_connection::Burst;
    using HostByteCounts = sim_connection::HostByteCounts;
    using LanePool = sim_connection::LanePool;

    /// A node, and its endpoint.
    class Port final : public Endpoint, public Slot {
    public:
        explicit Port(Impl& network) : network_(network) {}

        SwarmTime now() const override { return network_.engine.now(); }
        void connect(const Address& address, Role role) override;
        void send(const NodeId& to, Frame frame, SendGroup group) override;
        void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override;
        Arrivals arrivals() const override { return network_.arrivals(*this); }

    private:
        Impl& network_;
    };

    Impl(SimEngine& sim_engine, SwarmDuration handshake_time, std::optional<NetworkCpu> network_cpu,
         Bursts burst_sizes, bool counts_by_hosts);

    // sim_network_connect.cpp: from a dial to PeerUp at both ends, or ConnectFailed.
    void connect(Slot& from, const Address& address, Role role);
    void fail(const std::shared_ptr<Dial>& dial, SwarmTime at, Errc code, std::string why);
    /// Who listens there; nullptr: nobody.
    Slot* listener(HostIndex host, const Address& address) const;
    void establish(const std::shared_ptr<Dial>& dial);
    /// The newer connection replaces the older, without PeerLost.
    void replace(const Connection& fresh, int side);
    void announce(const ConnectionPtr& connection, int side, Address dialled);

    // sim_network_send.cpp: frames of a side are queued, and sent in bursts over the route.
    void send(Slot& from, const NodeId& to, Frame frame, SendGroup group);
    Arrivals arrivals(const Slot& at) const;
    /// Starts the next burst of a lane if none is being sent. With processor time, the sender
    /// prepares one burst while another flows, as into a socket's buffer.
    void start_burst(const ConnectionPtr& connection, int side);
    void wake_when_free(const ConnectionPtr& connection, int side);
    std::uint64_t most_in_burst(const Connection& connection, int side);
    SimRoute route_from(const Connection& connection, int side);
    void flow(const ConnectionPtr& connection, int side, Burst burst);
    void start_transfer(const ConnectionPtr& connection, int side, Burst burst,
                        std::uint64_t bytes);
    /// Most messages are small and alone, so that one event for each of them is most of all events.
    void send_small(const ConnectionPtr& connection, int side, Burst burst, std::uint64_t bytes);
    void transfer_ended(const ConnectionPtr& connection, int side, Burst burst, bool ok);
    /// The receiver's thread decrypts what has arrived.
    void receive(const ConnectionPtr& connection, int side, const Burst& burst);
    void arrive(const ConnectionPtr& connection, int side, Frames& burst);

    // sim_network_end.cpp: connections that are reset or closed, nodes that stop or are killed.
    /// Removes a connection; its undelivered bytes are lost.
    void drop(const ConnectionPtr& connection);
    void reset(const ConnectionPtr& connection, const std::string& reason, SwarmDuration delay);
    void finish_closing(const ConnectionPtr& connection);
    /// nullptr: there is none.
    Slot* remove(const NodeId& node);
    void close(const NodeId& node);
    void kill(const NodeId& node, const std::string& reason);
    /// In the order in which they were made.
    std::vector<ConnectionPtr> open_connections() const;
    void check_routes();
    void end();

    static const NodeId& id_of(Slot* const& slot) { return slot->place.id; }
    /// nullptr: it is as new, or the connection is closed.
    sim_connection::Lane* find_lane(const Connection& connection, int side) const {
        return lanes.find(connection.lane[sim_connection::index(side)]);
    }
    /// \pre  it is there, as from send() until what was sent has arrived
    sim_connection::Lane& lane_of(const Connection& connection, int side) const {
        return *find_lane(connection, side);
    }
    bool reachable(HostIndex a, HostIndex b) const;
    /// Of nodes' threads. \pre  cpu
    WakeUp wake_up();

    SimEngine& engine;
    SwarmDuration handshake;
    Bursts bursts;
    SimCpu pauses;  ///< of threads that wake up
    HostByteCounts counts;
    std::optional<NetworkCpu> cpu;  ///< none: it costs nothing
    std::deque<Port> slots;         ///< all nodes that were ever there
    ByNode<Slot*, id_of> nodes;
    std::vector<std::vector<Slot*>> listening;  ///< nodes by hosts
    LanePool lanes;
    std::uint32_t connections_made = 0;
    std::uint64_t messages = 0;  ///< delivered
    FlowLimit limit;
};

}  // namespace starling
