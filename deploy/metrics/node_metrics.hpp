#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "core/node/node.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// Metrics of any node: its connections and its log.
class NodeMetrics {
public:
    NodeMetrics(NodeId node, Role role) : node_(std::move(node)), role_(role) {}

    /// An input of the node, to count connections, which have no trace events.
    void count_input(const Input& input);
    /// A peer was refused before it was connected.
    void count_refused() { ++refused_; }
    void count(const TraceEvent& event);
    void write(Exposition& out) const;

private:
    struct Connections {
        std::uint64_t opened = 0;
        std::uint64_t lost = 0;
    };

    void write_connections(Exposition& out) const;

    NodeId node_;
    Role role_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::map<NodeId, Role> up_;
    std::map<Role, Connections> connections_;
    std::uint64_t connect_failures_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t warnings_ = 0;
    std::uint64_t errors_ = 0;
};

}  // namespace starling
