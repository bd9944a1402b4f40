#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "sim/link_conditions.hpp"
#include "sim/sim_engine.hpp"

namespace simgrid::s4u {
class Host;
class Link;
}  // namespace simgrid::s4u

namespace starling {

/// Routes between the hosts of a loaded platform: SimGrid's, and a default from a host to itself.
/// Missing ones are reported by name.
class SimRoutes {
public:
    /// Payload bytes per byte on the wire of full Ethernet frames: 1448 / 1538.
    static constexpr double bandwidth_factor = 0.94;
    /// The route of a host to itself if the platform has none, or one over Wi-Fi.
    static constexpr SimRoute own_loopback{std::chrono::microseconds(20), 5e9 * bandwidth_factor,
                                           true, 0.0};

    /// \param text  of the platform file.
    SimRoutes(std::string platform_file, const std::string& text,
              const std::vector<simgrid::s4u::Host*>& hosts, const LinkConditions& conditions);

    /// Errc::usage names a host or link with an impossible speed, bandwidth or latency. SimGrid
    /// accepts these silently, and then computes nonsense or hangs.
    Result<void> check_values(const std::vector<simgrid::s4u::Link*>& links) const;
    /// Throws PlatformError if there is none.
    SimRoute route(HostIndex from, HostIndex to) const;
    /// Its links, with the TCP payload that each can carry. Throws as route() does.
    std::vector<SimLink> links(HostIndex from, HostIndex to) const;
    /// From here on one look-up answers for all pairs of hosts, and each has its own loopback.
    void assume_equal() { equal_ = true; }
    bool has_own_loopback(HostIndex host) const;
    /// Bytes per second on the host's route to itself, if that is one link of which each transfer
    /// has the whole bandwidth; else 0.
    double unshared_loopback(HostIndex host) const;

private:
    SimRoute find(HostIndex from, HostIndex to) const;
    double look_up(HostIndex from, HostIndex to) const;
    double bandwidth(const simgrid::s4u::Link& link) const;
    PlatformError none(HostIndex from, HostIndex to, const std::string& why) const;

    std::string file_;
    const std::vector<simgrid::s4u::Host*>& hosts_;
    const LinkConditions& conditions_;
    std::map<std::string, double> wifi_rates_;                ///< bytes per second, by link
    std::set<std::string> zones_without_routes_;              ///< those with routing="None"
    mutable std::vector<simgrid::s4u::Link*> links_;          ///< result of the last look_up()
    mutable std::unordered_map<HostIndex, bool> loopbacks_;   ///< results of has_own_loopback()
    mutable std::unordered_map<HostIndex, double> unshared_;  ///< of unshared_loopback()
    bool equal_ = false;                                      ///< see assume_equal()
    mutable std::optional<SimRoute> any_;                     ///< then: from one host to another
};

}  // namespace starling
