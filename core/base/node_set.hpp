#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/base/ids.hpp"

namespace starling {

/// A set of nodes. Most are of some ten, for which an array takes half of the memory of a tree; an
/// owner in a large swarm is connected with 100,000.
class NodeSet {
public:
    NodeSet() = default;
    NodeSet(std::initializer_list<NodeId> nodes) : NodeSet(std::set<NodeId>(nodes)) {}
    NodeSet(const std::set<NodeId>& nodes) {  // NOLINT(google-explicit-constructor): the same
        for (const NodeId& node : nodes) {
            insert(node);
        }
    }

    bool contains(const NodeId& node) const {
        return many_ ? many_->contains(node) : std::binary_search(few_.begin(), few_.end(), node);
    }
    void insert(const NodeId& node) {
        if (!many_ && few_.size() == few_max) {
            many_ = std::make_unique<std::set<NodeId>>(few_.begin(), few_.end());
            few_ = {};
        }
        if (many_) {
            many_->insert(node);
            return;
        }
        const auto at = std::lower_bound(few_.begin(), few_.end(), node);
        if (at != few_.end() && *at == node) {
            return;
        }
        const auto place = at - few_.begin();
        if (few_.size() == few_.capacity()) {
            few_.reserve(few_.size() + 4);
        }
        few_.insert(few_.begin() + place, node);
    }
    /// \return  whether it was there.
    bool erase(const NodeId& node) {
        if (many_) {
            return many_->erase(node) > 0;
        }
        const auto at = std::lower_bound(few_.begin(), few_.end(), node);
        const bool found = at != few_.end() && *at == node;
        if (found) {
            few_.erase(at);
        }
        return found;
    }

private:
    static constexpr std::size_t few_max = 32;

    std::vector<NodeId> few_;  ///< ascending; all, unless there are many_
    std::unique_ptr<std::set<NodeId>> many_;
};

}  // namespace starling
