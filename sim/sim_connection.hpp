#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/by_node.hpp"
#include "sim/lane_pool.hpp"
#include "sim/sim_network.hpp"

/// What sim_network*.cpp keep of nodes and of connections between them.
namespace starling::sim_connection {

struct Slot;

struct Connection {
    std::array<Slot*, 2> end{};  ///< lane i leads from end i to the other end
    /// Of the network's LanePool. Nothing: it is as new, or the connection is closed.
    std::array<Lane*, 2> lane{};
    std::array<std::uint32_t, 2> counted{};  ///< places in HostByteCounts, of each lane's bytes
    std::uint32_t number = 0;                ///< of the connection, in the order of their beginning
    std::uint32_t holders = 0;               ///< ConnectionPtrs to it
    std::array<bool, 2> announced{};         ///< PeerUp was delivered to this end
    bool local = false;                      ///< a Unix socket
    bool open = true;
    std::int8_t closing = -1;  ///< the end that has stopped, while its lane drains; -1: none
};

/// Holds a connection together with others. It takes a word, since a large swarm has a million
/// connections, each of which is in two tables.
class ConnectionPtr {
public:
    ConnectionPtr() = default;
    static ConnectionPtr make() { return ConnectionPtr(new Connection); }
    ConnectionPtr(const ConnectionPtr& other) : ConnectionPtr(other.connection_) {}
    ConnectionPtr(ConnectionPtr&& other) noexcept
        : connection_(std::exchange(other.connection_, nullptr)) {}
    ConnectionPtr& operator=(ConnectionPtr other) noexcept {
        std::swap(connection_, other.connection_);
        return *this;
    }
    ~ConnectionPtr() {
        if (connection_ != nullptr && --connection_->holders == 0) {
            delete connection_;
        }
    }

    Connection* operator->() const { return connection_; }
    Connection& operator*() const { return *connection_; }
    explicit operator bool() const { return connection_ != nullptr; }
    friend bool operator==(const ConnectionPtr&, const ConnectionPtr&) = default;

private:
    explicit ConnectionPtr(Connection* connection) : connection_(connection) {
        if (connection != nullptr) {
            ++connection->holders;
        }
    }

    Connection* connection_ = nullptr;
};

/// A node's connections, by their peers' ids.
class PeerTable {
public:
    /// Nothing: there is none.
    ConnectionPtr find(const NodeId& peer) const {
        const Entry* const found = entries_.find(peer);
        return found == nullptr ? ConnectionPtr() : found->connection;
    }
    /// \pre  there is none with that peer
    void add(const Slot& peer, const ConnectionPtr& connection) {
        entries_.insert({&peer, connection});
    }
    void erase(const NodeId& peer) { entries_.erase(peer); }
    /// In the order of the peers' ids. `visit` may not change the table.
    template <typename Visit>
    void for_each(Visit visit) const {
        entries_.for_each([&](const Entry& entry) { visit(id_of(entry), entry.connection); });
    }

private:
    struct Entry {
        const Slot* peer;
        ConnectionPtr connection;
    };
    static const NodeId& id_of(const Entry& entry);

    ByNode<Entry, id_of> entries_;
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
    NodeThread(const SimHost& host, WakeUp wake_up)
        : SimThread(host.machine().cores, wake_up), speed(host.speed()) {}
    double speed;  ///< of its host
};

/// A node; it stays when the node has stopped.
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

struct Dial {
    Slot* from = nullptr;
    Address address;
    Role role = Role::sn;
    HostIndex host = 0;
    SwarmDuration round_trip{0};
};

inline std::size_t index(int side) { return static_cast<std::size_t>(side); }
/// The end of the connection at which the node is.
inline int side_of(const Connection& connection, const Slot& slot) {
    return connection.end[0] == &slot ? 0 : 1;
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
/// The node's connection with that peer; nothing: there is none.
ConnectionPtr connection_to(const Slot& from, const NodeId& to);
/// A frame has come over it. \pre  it is one of the node's, or closed
void note_newest(const ConnectionPtr& connection, Slot& at);
/// It is none of the node's connections any more.
void forget(Slot& at, const ConnectionPtr& connection);
/// Where the node listens at that address; nullptr: nowhere. Each host has one name space of paths,
/// and one of ports.
const SimListen* listen_at(const Slot& slot, const Address& address);
/// Whether the node listens there for nodes of that role.
bool accepts(const Slot& to, const Dial& dial);

std::uint64_t bytes_of(const Frames& burst);
/// What all frames of a burst take of a node's thread: the sender's, or the receiver's.
SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const Frames& burst, bool sends);

}  // namespace starling::sim_connection
