#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "sim/sim_engine.hpp"

namespace simgrid::s4u {
class Host;
class Link;
}  // namespace simgrid::s4u

namespace starling {

/// How the hosts of a loaded platform reach each other: SimGrid's routes, with the gaps filled
/// that can be, and the others named.
class SimRoutes {
public:
    /// Payload bytes per byte on the wire of full Ethernet frames: 1448 / 1538.
    static constexpr double bandwidth_factor = 0.94;
    /// What two processes of one host say to each other takes this, where the platform has no
    /// route for it, or one over the air.
    static constexpr SimRoute own_loopback{std::chrono::microseconds(20), 5e9 * bandwidth_factor,
                                           true};

    /// \param text  of the platform file.
    SimRoutes(std::string platform_file, const std::string& text,
              const std::vector<simgrid::s4u::Host*>& hosts);

    /// SimGrid takes these without a word, and then computes nonsense or hangs. Errc::usage names
    /// the host or link whose speed, bandwidth or latency can't be.
    Result<void> check_values(const std::vector<simgrid::s4u::Link*>& links) const;
    /// Throws PlatformError if there is none.
    SimRoute route(HostIndex from, HostIndex to) const;
    bool has_own_loopback(HostIndex host) const;

private:
    double ask(HostIndex from, HostIndex to) const;
    double bandwidth(const simgrid::s4u::Link& link) const;
    PlatformError none(HostIndex from, HostIndex to, const std::string& why) const;

    std::string file_;
    const std::vector<simgrid::s4u::Host*>& hosts_;
    std::map<std::string, double> wifi_rates_;        ///< bytes a second, by link
    mutable std::vector<simgrid::s4u::Link*> links_;  ///< of the route that was asked for last
    mutable std::unordered_map<HostIndex, bool> loopbacks_;
};

}  // namespace starling
