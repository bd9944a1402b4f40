#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

#include "sim/sim_engine.hpp"

namespace starling {

/// Bounds the flows that a host sends and receives at once; others wait. SimGrid's cost of a flow
/// grows with the number of those under way, and of those that it shares links with.
class FlowLimit {
public:
    /// \param most  of a host, in each direction.
    explicit FlowLimit(std::size_t most) : flows_max_(most) {}

    /// Whether the flow may start now; ended() has to be called for it later. If not, `start` is
    /// called when another one has ended, and asks again.
    bool admit(HostIndex from, HostIndex to, std::function<void()> start) {
        Flows& sender = of_[from];
        Flows& receiver = of_[to];
        if (sender.sending == flows_max_) {
            sender.to_send.push_back(std::move(start));
            return false;
        }
        if (receiver.receiving == flows_max_) {
            receiver.to_receive.push_back(std::move(start));
            return false;
        }
        ++sender.sending;
        ++receiver.receiving;
        return true;
    }

    void ended(HostIndex from, HostIndex to) {
        Flows& sender = of_[from];
        Flows& receiver = of_[to];
        --sender.sending;
        --receiver.receiving;
        start_waiting(sender.to_send, sender.sending);
        start_waiting(receiver.to_receive, receiver.receiving);
        forget_if_idle(from);
        forget_if_idle(to);
    }

private:
    struct Flows {
        std::size_t sending = 0;
        std::size_t receiving = 0;
        std::list<std::function<void()>> to_send;  // lists take no memory while they are empty
        std::list<std::function<void()>> to_receive;

        bool is_idle() const {
            return sending == 0 && receiving == 0 && to_send.empty() && to_receive.empty();
        }
    };

    void forget_if_idle(HostIndex host) {
        const auto found = of_.find(host);
        if (found != of_.end() && found->second.is_idle()) {
            of_.erase(found);
        }
    }
    /// Asks each waiting flow once. If its other host has no room, it moves to that host's queue.
    void start_waiting(std::list<std::function<void()>>& waiting, const std::size_t& flows) const {
        for (std::size_t left = waiting.size(); left > 0 && flows < flows_max_; --left) {
            const std::function<void()> next = std::move(waiting.front());
            waiting.pop_front();
            next();
        }
    }

    std::size_t flows_max_;
    std::unordered_map<HostIndex, Flows> of_;  ///< that have some; references stay valid
};

}  // namespace starling
