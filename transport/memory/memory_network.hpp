#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/base/random.hpp"
#include "transport/memory/memory_store.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// Faults of the network. Probabilities are per frame between different hosts.
struct NetworkFaults {
    SwarmDuration delay_min = std::chrono::microseconds(100);
    SwarmDuration delay_max = std::chrono::microseconds(300);
    /// The connection is reset, as TCP does after losses that it can't repair; both ends get
    /// PeerLost.
    double reset = 0.0;
    double drop = 0.0;       ///< the frame is lost without notice: worse than TCP
    double duplicate = 0.0;  ///< the frame arrives twice: worse than TCP
    double reorder = 0.0;    ///< the frame may overtake earlier ones: worse than TCP
    /// Per direction of a connection between hosts; 0: unlimited. A change applies from the next
    /// frame on.
    double bytes_per_second = 0.0;
};

/// The clock of one start of a node: network time * (1 + drift) + offset.
struct NodeClock {
    SwarmDuration offset{0};
    double drift = 0.0;
};

/// A training program as a state machine, for nodes without threads.
class ProgramModel {
public:
    virtual ~ProgramModel() = default;
    /// The program's next request, and the time that it computes before it.
    virtual std::pair<TrainRequest, SwarmDuration> resume(TrainReply reply) = 0;
};

struct MemoryNodeSpec {
    /// Makes the node; called again at a restart.
    std::function<std::unique_ptr<Node>()> make;
    /// Name of its process, which identifies it in the functions below; default: the node's name.
    /// Differs if a node is started twice.
    std::string process;
    std::string host;  ///< nodes of one host reach each other without faults
    std::vector<Address> listen;
    std::set<Role> accepts;                                  ///< roles that may dial it
    CaFingerprint ca;                                        ///< issuer of its certificate
    MemoryStore* store = nullptr;                            ///< must outlive the network
    std::function<std::unique_ptr<ProgramModel>()> program;  ///< of an ML node
};

/// Many nodes in one thread and in virtual time. All randomness comes from one seed: the same seed
/// leads to the same run, event for event.
class MemoryNetwork {
public:
    MemoryNetwork(std::uint64_t seed, const Hasher& hasher, TraceSink& trace);
    ~MemoryNetwork();

    NetworkFaults faults;
    double work_bytes_per_second = 2e9;  ///< rate of merging and hashing
    double disk_bytes_per_second = 2e9;  ///< rate of storing

    NodeId add(MemoryNodeSpec spec);
    /// Kills the process and cuts its connections. What it persisted is kept, except for a write
    /// under way: see MemoryStore::crash().
    void crash(const NodeId& node);
    void restart(const NodeId& node);
    /// Takes effect at its next start. Its trace events have network time nevertheless.
    void set_clock(const NodeId& node, NodeClock clock);
    /// Nodes in `side` and all others don't reach each other; connections between them are cut.
    void partition(const std::set<NodeId>& side);
    /// Two nodes don't reach each other; others still reach both.
    void block(const NodeId& a, const NodeId& b);
    /// Frames of `from` to `to` are lost without notice; the other direction works.
    void mute(const NodeId& from, const NodeId& to) { muted_.insert({from, to}); }
    /// Cuts the connection of two nodes, once.
    void reset(const NodeId& a, const NodeId& b) { cut(a, b, "connection reset"); }
    void heal() {
        side_.clear();
        blocked_.clear();
        muted_.clear();
    }
    void deliver(const NodeId& node, Input input);
    void at(SwarmTime time, std::function<void()> action);

    SwarmTime now() const { return now_; }
    /// Runs until `done`, `limit` or the last event. \return  whether it is done.
    bool run(const std::function<bool()>& done, SwarmTime limit);
    /// Nothing if the node runs or has crashed.
    std::optional<Stop> stopped(const NodeId& node) const;
    bool all_stopped(const std::set<NodeId>& nodes) const;
    /// Of frames between hosts.
    std::uint64_t body_bytes_delivered() const { return body_bytes_delivered_; }

private:
    struct Process;
    struct Event {
        SwarmTime time;
        std::uint64_t order;
        std::function<void()> action;
    };
    static bool later(const Event& a, const Event& b) {
        return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
    /// A frame queued on a link with a limited rate.
    struct Paced {
        Frame frame;
        SendGroup group = 0;
    };
    struct Lane {
        std::deque<Paced> queue;  ///< the first one is being transmitted
        SwarmTime began{};        ///< start of its transmission
        double bytes_per_second = 0.0;
    };
    struct Connection {
        std::uint64_t epoch = 0;  ///< unique; events of an earlier connection are dropped
        bool up = false;
        SwarmTime last_arrival[2];  ///< [0] to the lower, [1] to the higher ID; no later frame
                                    ///< arrives before
        Lane lane[2];               ///< same index
    };

    void launch(Process& process);
    void pin(Process& at, const PinPeer& pin);
    std::optional<Error> refusal_of(const Process& at, const Process& fresh);
    void connect(Process& from, const Address& address, Role role);
    void send(Process& from, const NodeId& node, Frame frame, SendGroup group);
    /// Transmits the first frame queued from `from` to `to`, at the link's rate.
    void start_transmission(const NodeId& from, const NodeId& to);
    void transmit(const Process& from, const Process& target, Connection& link, Frame frame);
    void cancel_sends(const NodeId& from, SendGroup group, const std::optional<NodeId>& to);
    Arrivals arrivals(const NodeId& at) const;
    void deliver_at(SwarmTime time, const NodeId& from, const NodeId& to, std::uint64_t epoch,
                    Frame frame);
    void start_work(Process& process, std::uint64_t work, Work what);
    void cut(const NodeId& a, const NodeId& b, const std::string& reason);
    void cut_all(const NodeId& node, const std::string& reason);
    /// Passes an input to a start of the node; nothing happens if that one has ended.
    void dispatch(const NodeId& node, std::uint64_t incarnation, Input input);
    void rearm(Process& process);
    bool separated(const Process& a, const Process& b) const;
    SwarmDuration delay();
    Connection& connection(const NodeId& a, const NodeId& b);
    Process* connected_as(const Process& at, const NodeId& node);
    bool replace_older(const Process& at, const Process& fresh);
    void schedule(SwarmTime time, std::function<void()> action);

    Random random_;
    const Hasher& hasher_;
    TraceSink& trace_;
    SwarmTime now_{};
    std::uint64_t next_order_ = 0;
    std::uint64_t next_epoch_ = 1;
    std::uint64_t body_bytes_delivered_ = 0;
    std::vector<Event> events_;  ///< a heap, the earliest first
    std::map<NodeId, std::unique_ptr<Process>> processes_;
    std::map<std::pair<NodeId, NodeId>, Connection> connections_;  ///< the lower ID first
    std::set<NodeId> side_;                                        ///< of a partition; empty: none
    std::set<std::pair<NodeId, NodeId>> blocked_;                  ///< the lower ID first
    std::set<std::pair<NodeId, NodeId>> muted_;                    ///< from, to
};

}  // namespace starling
