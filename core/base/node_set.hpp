#pragma once

#include <initializer_list>
#include <set>

#include "core/base/by_node.hpp"

namespace starling {

/// A set of nodes.
class NodeSet {
public:
    NodeSet() = default;
    NodeSet(std::initializer_list<NodeId> nodes) : NodeSet(std::set<NodeId>(nodes)) {}
    NodeSet(const std::set<NodeId>& nodes) {  // NOLINT(google-explicit-constructor): the same
        for (const NodeId& node : nodes) {
            insert(node);
        }
    }

    bool contains(const NodeId& node) const { return nodes_.find(node) != nullptr; }
    void insert(const NodeId& node) { nodes_.insert(node); }
    /// \return  whether it was there.
    bool erase(const NodeId& node) { return nodes_.erase(node); }

private:
    static const NodeId& itself(const NodeId& node) { return node; }

    ByNode<NodeId, itself> nodes_;
};

}  // namespace starling
