#pragma once

#include <map>
#include <memory>
#include <optional>

#include "transport/memory/memory_network.hpp"

namespace starling {

/// A node of a MemoryNetwork, and what its node runner sees of the network.
struct MemoryNetwork::Process final : public Endpoint, public WorkExecutor, public TraceSink {
    Process(MemoryNetwork& network, MemoryNodeSpec node_spec)
        : net(network), spec(std::move(node_spec)) {}

    SwarmTime now() const override { return local(net.now_); }
    SwarmTime local(SwarmTime time) const {
        const double drifted = static_cast<double>(to_ns(time)) * clock.drift;
        return time + clock.offset + SwarmDuration{static_cast<std::int64_t>(drifted)};
    }
    /// The earliest network time at which this node's clock shows `time` or later.
    SwarmTime global(SwarmTime time) const {
        const auto ns = static_cast<double>(to_ns(time - clock.offset));
        SwarmTime found = from_ns(static_cast<std::int64_t>(ns / (1.0 + clock.drift)));
        while (local(found) < time) {
            found += SwarmDuration{1};
        }
        return found;
    }
    void report(SwarmTime, const NodeId& reporter, const TraceEvent& event) override {
        net.trace_.report(net.now_, reporter, event);
    }
    void connect(const Address& address, Role role) override { net.connect(*this, address, role); }
    void send(const NodeId& to, Frame frame, SendGroup group) override {
        net.send(*this, to, std::move(frame), group);
    }
    void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override {
        net.cancel_sends(id, group, to);
    }
    Arrivals arrivals() const override { return net.arrivals(id); }
    void pin(const PinPeer& pin) override { net.pin(*this, pin); }
    void start(std::uint64_t work, Work what) override {
        net.start_work(*this, work, std::move(what));
    }
    bool running() const { return runner != nullptr && !runner->stopped(); }

    MemoryNetwork& net;
    MemoryNodeSpec spec;
    NodeId id;  ///< see MemoryNodeSpec::process
    NodeId node_id;
    std::map<NodeId, NodeId> peers;  ///< node -> the process last connected under this name
    std::map<NodeId, std::optional<CaFingerprint>> pins;
    std::uint64_t incarnation = 0;  ///< number of this start
    std::unique_ptr<Node> node;
    std::unique_ptr<ProgramModel> program;
    std::unique_ptr<NodeRunner> runner;
    NodeClock clock;
    NodeClock next_clock;  ///< `clock` from its next start on
    // When all work of each kind that was started so far is done.
    SwarmTime worker_free{};
    SwarmTime disk_free{};
    std::optional<SwarmTime> armed;  ///< time of the next wake; events for others are stale
    bool ended = false;              ///< it has stopped, and its connections are being closed
};

}  // namespace starling
