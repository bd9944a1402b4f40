#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sim/sim_engine.hpp"

namespace starling {

/// A host with a node on it.
struct DeployedHost {
    HostIndex host = 0;
    bool serves = false;  ///< with an SN or a licence server: all others talk to it
};

/// Most pairs that are looked at when a simulation starts: all of 141 hosts.
constexpr std::size_t route_pairs_max = 20'000;

/// The pairs of hosts (from, to) whose routes are looked at: all, a host to itself too, if these
/// are at most `most`. Otherwise for each host those to itself, to and from the next one in the
/// list, and to and from the first host that serves; those of more hosts that serve as far as they
/// fit. So each host's own links are seen, and it is less than the nodes ask for when they connect.
/// The other routes are looked at when they are first used.
std::vector<std::pair<HostIndex, HostIndex>> pairs_to_check(const std::vector<DeployedHost>& hosts,
                                                            std::size_t most = route_pairs_max);

/// Asks for the routes of pairs_to_check(). Throws PlatformError where there is none.
/// \param doing  is told each pair before: SimGrid may crash at it.
/// Returns the bandwidth of the narrowest in bytes a second; 0: none is limited.
double check_routes(const SimEngine& engine, const std::vector<DeployedHost>& hosts,
                    const std::function<void(const std::string&)>& doing);

}  // namespace starling
