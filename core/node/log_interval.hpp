#pragma once

#include <map>

#include "core/base/ids.hpp"
#include "core/base/lazy_container.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Bounds log lines that a node can cause: one a minute and node.
class LogInterval {
public:
    /// Whether a line about `node` may be written; it counts as written.
    bool take(const NodeId& node, SwarmTime now) {
        const auto [last, first] = last_.change().emplace(node, now);
        if (!first && now - last->second < interval) {
            return false;
        }
        last->second = now;
        return true;
    }

private:
    static constexpr SwarmDuration interval = std::chrono::minutes(1);
    LazyContainer<std::map<NodeId, SwarmTime>> last_;
};

}  // namespace starling
