#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/time.hpp"

namespace simgrid::s4u {
class Link;
}  // namespace simgrid::s4u

namespace starling {

/// Links with another bandwidth, latency or loss than the platform says, by faults. A value that is
/// taken back is that of before the first change.
class LinkConditions {
public:
    /// Bytes per second, on the wire. None: as before.
    void set_bandwidth(simgrid::s4u::Link& link, std::optional<double> bytes_per_second);
    /// One way. None: as before.
    void set_latency(simgrid::s4u::Link& link, std::optional<double> seconds);
    /// The share of packets that are lost: retransmissions take that share of the bandwidth. 0:
    /// none.
    void set_loss(simgrid::s4u::Link& link, double share);
    double loss(const simgrid::s4u::Link& link) const;

private:
    struct Changed {
        double bandwidth = 0.0;  ///< of before
        double latency = 0.0;    ///< of before
        std::optional<double> bandwidth_now;
        double loss = 0.0;
    };
    Changed& changed(const simgrid::s4u::Link& link);
    static void apply_bandwidth(simgrid::s4u::Link& link, const Changed& changed);

    std::map<const simgrid::s4u::Link*, Changed> links_;
};

/// How much longer than by the links' bandwidth it takes to send `bytes` on one TCP connection, of
/// which that share of packets is lost: Reno's rate is at most MSS / RTT * sqrt(3 / (2 * loss))
/// (Mathis et al., "The macroscopic behavior of the TCP congestion avoidance algorithm", 1997).
SwarmDuration loss_wait(std::uint64_t bytes, SwarmDuration round_trip, double bytes_per_second,
                        double loss);

}  // namespace starling
