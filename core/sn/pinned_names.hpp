#pragma once

#include <map>

#include "core/node/outbox.hpp"

namespace starling {

/// Names of SLs and SNs that belong to a certificate's CA by the roll, as this SN tells its SLs.
class PinnedNames {
public:
    /// \return  false: it is known already.
    bool add(const NodeId& node, const CaFingerprint& ca) {
        const auto [pin, fresh] = pins_.emplace(node, CaFingerprint{});
        return std::exchange(pin->second, ca) != ca;
    }
    void remove(const NodeId& node) { pins_.erase(node); }
    /// All of them, in as many messages as they need.
    void send_all(const NodeId& to, Outbox& out) const {
        RollNews news;
        for (const auto& [node, ca] : pins_) {
            news.pins.push_back({node, ca});
            if (news.pins.size() == pins_max) {
                out.send(to, std::exchange(news, {}));
            }
        }
        if (!news.pins.empty()) {
            out.send(to, std::move(news));
        }
    }

private:
    std::map<NodeId, CaFingerprint> pins_;  ///< by the newest applied roll
};

}  // namespace starling
