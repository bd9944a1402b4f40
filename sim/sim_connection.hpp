#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/backlog.hpp"
#include "sim/sim_network.hpp"
#include "sim/slow_start.hpp"

/// What sim_network*.cpp keep of nodes and of connections between them.
namespace starling::sim_connection {

struct Slot;

/// One direction of a connection.
struct Lane {
    Backlog queue;
    std::uint64_t undelivered_bytes = 0;  ///< queued, being sent or in flight
    SwarmTime last_arrival{};             ///< of a burst; none arrives before an earlier one
    /// If `free_at_known`, it says when a small burst is sent completely: without an event of its
    /// own, unless more is queued.
    SlowStart slow_start;
    std::uint32_t in_flight = 0;  ///< bursts whose last byte was sent and that have not arrived
    bool free_at_known = false;
    bool flowing = false;    ///< a burst was taken from the queue and is not sent completely
    bool wakes = false;      ///< an event when the lane is free starts what is queued
    bool preparing = false;  ///< the sender's thread encrypts the burst after it
};

struct Connection {
    std::array<std::shared_ptr<Slot>, 2> end;  ///< lane i leads from end i to the other end
    std::array<Lane, 2> lane;
    std::array<std::uint32_t, 2> counted{};  ///< places in HostByteCounts, of each lane's bytes
    std::array<bool, 2> announced{};         ///< PeerUp was delivered to this end
    bool local = false;                      ///< a Unix socket
    bool open = true;
    int closing = -1;  ///< the end that has stopped, while its lane drains; -1: none
    // Its neighbours in OpenConnections.
    Connection* before = nullptr;
    Connection* after = nullptr;
};
using ConnectionPtr = std::shared_ptr<Connection>;

/// All open connections, in the order in which they were made. The nodes at their ends own them: a
/// large swarm has a million, each of which would need a place in a map of its own.
class OpenConnections {
public:
    void add(Connection& connection);
    /// \pre it was added, and not removed since
    void remove(Connection& connection);
    std::vector<ConnectionPtr> all() const;

private:
    Connection* first_ = nullptr;
    Connection* last_ = nullptr;
};

/// A node's connections, by their peers' ids. Most nodes have some ten, for which an array takes a
/// third of the memory of a map; an SN has 100,000.
class PeerTable {
public:
    /// nullptr: there is none.
    ConnectionPtr find(const NodeId& peer) const;
    /// \pre  there is none with that peer
    void add(const Slot& peer, const ConnectionPtr& connection);
    void erase(const NodeId& peer);
    /// In the order of the peers' ids. `visit` may not change the table.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (const Few& one : few_) {
            visit(id_of(*one.peer), one.connection);
        }
        if (many_) {
            for (const auto& [peer, connection] : *many_) {
                visit(peer, connection);
            }
        }
    }

private:
    static constexpr std::size_t few_max = 32;
    struct Few {
        const Slot* peer;  ///< lives as long as the connection
        ConnectionPtr connection;
    };
    static const NodeId& id_of(const Slot& slot);
    std::vector<Few>::const_iterator place_of(const NodeId& peer) const;

    std::vector<Few> few_;  ///< all, or none if there are `many_`
    std::unique_ptr<std::map<NodeId, ConnectionPtr>> many_;
};

/// Bytes by sending and receiving host, of all connections.
class HostByteCounts {
public:
    /// \param by_hosts  false: only the total is kept: a large swarm has a million pairs of hosts
    explicit HostByteCounts(bool by_hosts) : keeps_hosts_(by_hosts) {}

    /// Where what is sent from one host to the other counts.
    std::uint32_t place_of(HostIndex from, HostIndex to);
    /// \param place  by place_of()
    ByteCount& at(std::uint32_t place) { return counts_[place]; }
    std::map<std::pair<HostIndex, HostIndex>, ByteCount> by_hosts() const;
    ByteCount total() const;

private:
    bool keeps_hosts_;
    std::map<std::pair<HostIndex, HostIndex>, std::uint32_t> places_;
    std::vector<ByteCount> counts_{1};  ///< the first one of all pairs, if not by hosts
};

/// The thread of a node's process that encrypts and decrypts.
struct NodeThread : SimThread {
    explicit NodeThread(const SimHost& host)
        : SimThread(host.machine().cores), speed(host.speed()) {}
    double speed;  ///< of its host
};

struct Slot {
    SimPlace place;
    std::function<void(Input&&)> deliver;
    bool alive = true;
    PeerTable peers;
    /// Over which a frame came last: most frames are answers, and an SN has 100,000 peers.
    ConnectionPtr newest;
    std::size_t arriving = 0;  ///< transfers to this node, those of small bursts left out
    /// Of the node's process; null: it costs nothing.
    std::unique_ptr<NodeThread> thread;
};
using SlotPtr = std::shared_ptr<Slot>;

struct Dial {
    SlotPtr from;
    Address address;
    Role role = Role::sn;
    HostIndex host = 0;
    SwarmDuration round_trip{0};
};

inline std::size_t index(int side) { return static_cast<std::size_t>(side); }
/// The end of the connection at which the node is.
inline int side_of(const Connection& connection, const Slot& slot) {
    return connection.end[0].get() == &slot ? 0 : 1;
}
/// The node at the other end.
inline Slot& peer(const Connection& connection, int side) {
    return *connection.end[index(1 - side)];
}

/// Takes the first frame from the lane's queue, and those after it that fit into `most` bytes.
/// \pre  one is there
Burst take_burst(Lane& lane, std::uint64_t most);

/// Whether a burst is being sent.
bool is_flowing(Lane& lane, SwarmTime now);
/// See Endpoint::cancel_sends(); of the node's own queues.
void cancel_sends(const Slot& from, SendGroup group, const std::optional<NodeId>& to,
                  HostByteCounts& counts);
std::vector<ConnectionPtr> connections(const Slot& slot);
/// The node's connection with that peer; nullptr: there is none.
ConnectionPtr connection_to(const Slot& from, const NodeId& to);
/// A frame has come over it. \pre  it is one of the node's, or closed
void note_newest(const ConnectionPtr& connection, Slot& at);
/// It is none of the node's connections any more.
void forget(Slot& at, const ConnectionPtr& connection);
/// Whether the node listens there for nodes of that role.
bool accepts(const Slot& to, const Dial& dial);

std::uint64_t bytes_of(const Frames& burst);
/// What all frames of a burst take of a node's thread: the sender's, or the receiver's.
SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const Frames& burst, bool sends);

}  // namespace starling::sim_connection
