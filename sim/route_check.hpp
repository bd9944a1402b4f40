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
    bool serves = false;  ///< with an SN or a licence server, which all others dial
};

/// Bound on pairs that are checked when a simulation starts: all pairs of 141 hosts.
constexpr std::size_t route_pairs_max = 20'000;

/// The pairs of hosts (from, to) whose routes are checked: all, including each host with itself, if
/// these are at most `most`. Otherwise each host with itself, with the next one in the list, and
/// with the first host that serves, in both directions; then with more hosts that serve as far as
/// they fit. So the links of each host are checked at less cost than the nodes' own connections
/// have. The other routes are checked when they are first used.
std::vector<std::pair<HostIndex, HostIndex>> pairs_to_check(const std::vector<DeployedHost>& hosts,
                                                            std::size_t most = route_pairs_max);

/// Looks up the routes of pairs_to_check(). Throws PlatformError if one is missing.
/// \param doing  called before each pair, with a text that names it: SimGrid may crash at it.
/// \return  bandwidth of the narrowest route in bytes per second; 0: none is limited.
double check_routes(const SimEngine& engine, const std::vector<DeployedHost>& hosts,
                    const std::function<void(const std::string&)>& doing);

}  // namespace starling
