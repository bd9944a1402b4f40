#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/sim_engine.hpp"
#include "sim/sim_machines.hpp"
#include "transport/endpoint.hpp"

namespace starling {

/// A set of roles, in a byte.
class RoleSet {
public:
    RoleSet() = default;
    RoleSet(const std::set<Role>& roles) {  // NOLINT(google-explicit-constructor): the same
        for (const Role role : roles) {
            bits_ |= bit(role);
        }
    }
    bool contains(Role role) const { return (bits_ & bit(role)) != 0; }

private:
    static std::uint8_t bit(Role role) {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
    }
    std::uint8_t bits_ = 0;
};

/// One address that a node listens on: its host's with a port, or the path of a Unix socket (port
/// 0).
struct SimListen {
    Address address;
    RoleSet accepts;  ///< a peer with another role is refused
};

/// A node's place in the simulated network.
struct SimPlace {
    NodeId id;
    Role role = Role::sl;
    HostIndex host = 0;
    std::vector<SimListen> listen;
};

/// Bytes of frames with their TLS records, between two hosts in one direction. Once all connections
/// are closed, sent = delivered + lost, exactly.
struct ByteCount {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;  ///< connection reset, or receiver gone
};

/// Bytes of a frame on a connection: its encoded size, and 22 bytes for each TLS record of 16 KiB,
/// except on a Unix socket.
std::uint64_t wire_size(const Frame& frame, bool local_socket);

/// What the network costs the nodes' processors, each of which does it in one thread.
struct NetworkCpu {
    SimMachines& machines;
    const Calibration& calibration;
};

/// All connections of the simulation, with the timing of TCP and TLS: frames of one direction flow
/// one after the other (small ones together, up to 64 KiB), at the rate that SimGrid's sharing
/// gives the connection, and arrive one latency later, in order. A new or idle connection goes
/// through slow start. A failure of a host or link on its route resets it: undelivered frames are
/// lost, and the ends that still run get PeerLost.
class SimNetwork {
public:
    /// How much of what is queued on a connection is sent as one transfer, and delivered at its
    /// end: 64 KiB or one frame, or up to what the route carries in 20 ms (16 MiB at most). Large
    /// bursts make a fraction of the transfers of a large model at fast links. With them a host
    /// sends and receives two flows of more than 64 KiB at a time, others wait: the links carry as
    /// much, and SimGrid has to share them between fewer flows. With SimEngine::has_equal_hosts()
    /// it is one, which takes its time without SimGrid. Smaller ones take the time that the route's
    /// bandwidth gives them, and share nothing.
    enum class Bursts : std::uint8_t { small, large };

    /// \param handshake  CPU time of a TLS handshake, in addition to its two round trips.
    /// \param cpu  none: nothing is charged, as without measured costs in the table.
    /// \param counts_by_hosts  false: bytes() has nothing, only total()
    SimNetwork(SimEngine& engine, SwarmDuration handshake, std::optional<NetworkCpu> cpu = {},
               Bursts bursts = Bursts::small, bool counts_by_hosts = true);
    SimNetwork(const SimNetwork&) = delete;
    SimNetwork& operator=(const SimNetwork&) = delete;
    ~SimNetwork();

    /// Gets a node's inputs, from SimEngine::run() only, never from inside the endpoint.
    class Receiver {
    public:
        virtual void handle(Input&& input) = 0;

    protected:
        ~Receiver() = default;
    };
    /// Adds a node; its endpoint stays as long as this. Errc::io: the name, or an address on that
    /// host, is in use.
    ///
    /// \param receiver  must stay until close() or kill() of the node
    Result<Endpoint*> attach(SimPlace place, Receiver& receiver);
    /// The node has stopped: its frames are still delivered, then its connections close.
    void close(const NodeId& node);
    /// The process, or its host, has failed: undelivered frames are lost. Peers get PeerLost one
    /// latency later; at once if the host is off.
    void kill(const NodeId& node, const std::string& reason);
    /// Resets the connections whose route is down.
    void check_routes();
    /// Ends the simulation: counts undelivered frames as lost, without PeerLost.
    void end();

    /// By (sending host, receiving host).
    std::map<std::pair<HostIndex, HostIndex>, ByteCount> bytes() const;
    /// Over all pairs.
    ByteCount total() const;
    /// Delivered so far.
    std::uint64_t messages() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
