#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/sim_engine.hpp"
#include "transport/endpoint.hpp"

namespace starling {

/// One address that a node listens on: its host's with a port, or the path of a Unix socket (port
/// 0).
struct SimListen {
    Address address;
    std::set<Role> accepts;  ///< a peer with another role is refused
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

/// What a frame costs on a connection: its encoded size, and 22 bytes for each 16 KiB TLS record
/// unless it stays on the host's own socket.
std::uint64_t wire_size(const Frame& frame, bool local_socket);

/// All connections of the simulation. A connection is what TCP and TLS make of it: frames of one
/// direction flow one after the other (small ones together, up to 64 KiB), at the rate that
/// SimGrid's sharing gives the connection, and arrive one latency later, in order. A new or idle
/// connection pays for TCP's slow start. A failing host or link on its way resets it: what was not
/// delivered is lost, and both ends that live are told.
class SimNetwork {
public:
    /// \param handshake  processor time of a TLS handshake, on top of its two round trips.
    SimNetwork(SimEngine& engine, SwarmDuration handshake);
    SimNetwork(const SimNetwork&) = delete;
    SimNetwork& operator=(const SimNetwork&) = delete;
    ~SimNetwork();

    /// Adds a node. `deliver` is called from SimEngine::run() only, never from inside the endpoint.
    /// Errc::io: the name, or an address on that host, is in use.
    Result<std::unique_ptr<Endpoint>> attach(SimPlace place, std::function<void(Input)> deliver);
    /// The node has stopped: what it sent is still delivered, then its connections close.
    void close(const NodeId& node);
    /// The process is gone, or its host, with all that was not delivered. Peers learn it one
    /// latency later; at once if the host is gone too.
    void kill(const NodeId& node, const std::string& reason);
    /// Resets the connections whose way is cut.
    void check_routes();
    /// The simulation is over: what is still under way is lost, and nobody is told.
    void end();

    /// By (sending host, receiving host).
    const std::map<std::pair<HostIndex, HostIndex>, ByteCount>& bytes() const;
    /// Over all pairs.
    ByteCount total() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
