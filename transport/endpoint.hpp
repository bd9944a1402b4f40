#pragma once

#include <optional>

#include "core/node/node.hpp"

namespace starling {

/// Port: a node's connections. Each is reliable and ordered: frames arrive in the order sent, or
/// the connection is lost and both ends get PeerLost. There is at most one connection between two
/// nodes; a newer one replaces the older. Sending never blocks. The memory that peers can take is
/// bounded: an endpoint with too much unhandled input stops reading.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    virtual SwarmTime now() const = 0;
    /// Leads to PeerUp or ConnectFailed.
    virtual void connect(const Address& address, Role role) = 0;
    /// Dropped if `to` is not connected. It may wait for flush() or for the node's next input, so
    /// that frames to one peer leave together.
    virtual void send(const NodeId& to, Frame frame, SendGroup group = 0) = 0;
    /// Drops queued frames of the group, to `to` or to all peers, of which no byte was sent yet: a
    /// receiver never sees half a frame.
    virtual void cancel_sends(SendGroup group, const std::optional<NodeId>& to) = 0;
    /// See Arrivals.
    virtual Arrivals arrivals() const = 0;
    /// See PinPeer. No effect if peers have no certificates.
    virtual void pin(const PinPeer& /*pin*/) {}
    /// To be called before the node's thread does what takes time: frames that wait leave now.
    virtual void flush() {}
};

/// An endpoint with a thread to itself. The memory and SimGrid networks hold many nodes in one
/// thread and call their runners instead (see DECISIONS.md, "The interface has two parts").
class PolledEndpoint : public Endpoint {
public:
    /// The next input, from the network or from post(); nothing once now() >= deadline.
    virtual std::optional<Input> receive_until(SwarmTime deadline) = 0;
    /// From any thread: queues the result of work, or a request to stop.
    virtual void post(Input input) = 0;
    /// Like post(), but delivered after everything that peers have sent so far: for events of a
    /// peer that don't arrive on its connection, such as the exit of its process. A flood of frames
    /// delays it by 5 s at most.
    virtual void post_after_arrivals(Input input) = 0;
    /// From any thread: rereads the identity files, if there are any.
    virtual void reload() {}
    /// Sends what is queued, for at most `limit`, then closes all connections.
    virtual void close(SwarmDuration limit) = 0;
};

}  // namespace starling
