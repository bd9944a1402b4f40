#pragma once

#include <array>
#include <bit>
#include <cstdint>
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
    /// Of the network's LanePool. None: it is as new, or the connection is closed.
    std::array<LanePool::Number, 2> lane{};
    std::uint32_t number = 0;         ///< of the connection, in the order of their beginning
    std::uint32_t holders : 26 = 0;   ///< ConnectionPtrs to it
    std::uint32_t announced : 2 = 0;  ///< PeerUp was delivered to the ends whose bits are set
    /// The end that has stopped, while its lane drains; 2: none.
    std::uint32_t closing : 2 = 2;
    bool local : 1 = false;  ///< a Unix socket
    bool open : 1 = true;
};
static_assert(sizeof(Connection) == 32 || sizeof(void*) != 8);

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

    explicit ConnectionPtr(Connection* connection) : connection_(connection) {
        if (connection != nullptr) {
            ++connection->holders;
        }
    }

private:
    Connection* connection_ = nullptr;
};

/// A node's connections, by their peers' ids.
class PeerTable {
public:
    /// Nothing: there is none.
    ConnectionPtr find(const NodeId& peer) const {
        const Entry* const found = entries_.find(peer);
        return found == nullptr ? ConnectionPtr() : found->connection();
    }
    /// \pre  there is none with that peer
    /// \param side  of the node
    void add(const ConnectionPtr& connection, int side) { entries_.insert({connection, side}); }
    void erase(const NodeId& peer) { entries_.erase(peer); }
    /// In the order of the peers' ids. `visit` may not change the table.
    template <typename Visit>
    void for_each(Visit visit) const {
        entries_.for_each([&](const Entry& entry) { visit(id_of(entry), entry.connection()); });
    }

private:
    /// In a word: the lowest bit says which end of the connection the node is.
    class Entry {
    public:
        Entry(const ConnectionPtr& connection, int side)
            : word_(std::bit_cast<std::uintptr_t>(&*connection) |
                    static_cast<std::uintptr_t>(side)) {
            ++connection->holders;
        }
        Entry(const Entry& other) : Entry(other.connection(), static_cast<int>(other.word_ & 1U)) {}
        Entry(Entry&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
        Entry& operator=(Entry other) noexcept {
            std::swap(word_, other.word_);
            return *this;
        }
        ~Entry() {
            if (word_ != 0) {
                const ConnectionPtr last = connection();
                --last->holders;
            }
        }

        ConnectionPtr connection() const { return ConnectionPtr(&at()); }
        const Slot& peer() const { return *at().end[1 - (word_ & 1U)]; }

    private:
        Connection& at() const { return *std::bit_cast<Connection*>(word_ & ~std::uintptr_t{1}); }

        std::uintptr_t word_;
    };
    static const NodeId& id_of(const Entry& entry);

    ByNode<Entry, id_of> entries_;
};

/// Bytes by sending and receiving host, of all connections.
class HostByteCounts {
public:
    /// \param by_hosts  false: only the total is kept: a large swarm has a million pairs of hosts
    explicit HostByteCounts(bool by_hosts) : keeps_hosts_(by_hosts) {}

    /// The next connection, whose number is how many there were, is between these hosts.
    void add_connection(HostIndex a, HostIndex b);
    /// Of what the end `side` of a connection sends.
    ByteCount& of(const Connection& connection, int side);
    std::map<std::pair<HostIndex, HostIndex>, ByteCount> by_hosts() const;
    ByteCount total() const;

private:
    bool keeps_hosts_;
    /// By hosts, the lower one first.
    std::map<std::pair<HostIndex, HostIndex>, std::uint32_t> places_;
    std::vector<std::uint32_t> by_connection_;  ///< by their numbers, if by hosts: the place
    /// At a place what the lower host sends, and behind it the other; the first one of all pairs,
    /// if not by hosts.
    std::vector<ByteCount> counts_{1};
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
    SimNetwork::Receiver* receiver = nullptr;
    PeerTable peers;
    /// Over which a frame came last: most frames are answers, and an SN has 100,000 peers.
    ConnectionPtr newest;
    std::uint32_t arriving = 0;  ///< transfers to this node, those of small bursts left out
    bool alive = true;
    /// Of the node's process; null: it costs nothing.
    std::unique_ptr<NodeThread> thread;
};

inline const NodeId& PeerTable::id_of(const Entry& entry) { return entry.peer().place.id; }

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
inline std::uint8_t announced_bit(int side) { return static_cast<std::uint8_t>(1U << index(side)); }
inline bool is_announced(const Connection& connection, int side) {
    return (connection.announced & announced_bit(side)) != 0;
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
                  const LanePool& lanes, HostByteCounts& counts);
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
