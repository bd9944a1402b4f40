// Routes are looked up before the simulation starts: where SimGrid has none it throws or crashes,
// and that is to be reported as an error of the platform file, not in the middle of a run.
#include "sim/route_check.hpp"

#include <algorithm>

namespace starling {

std::vector<std::pair<HostIndex, HostIndex>> pairs_to_check(const std::vector<DeployedHost>& hosts,
                                                            std::size_t most) {
    std::vector<std::pair<HostIndex, HostIndex>> pairs;
    const bool all = hosts.size() * hosts.size() <= most;
    const auto both_ways = [&pairs](const DeployedHost& a, const DeployedHost& b) {
        pairs.emplace_back(a.host, b.host);
        pairs.emplace_back(b.host, a.host);
    };
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        pairs.emplace_back(hosts[i].host, hosts[i].host);
        for (std::size_t other = i + 1; all && other < hosts.size(); ++other) {
            both_ways(hosts[i], hosts[other]);
        }
        if (!all) {
            both_ways(hosts[i], hosts[(i + 1) % hosts.size()]);
        }
    }
    bool first = true;
    for (const DeployedHost& server : hosts) {
        if (all || !server.serves || (!first && pairs.size() + 2 * hosts.size() > most)) {
            continue;
        }
        first = false;
        for (const DeployedHost& host : hosts) {
            if (host.host != server.host) {
                both_ways(host, server);
            }
        }
    }
    return pairs;
}

double check_routes(const SimEngine& engine, const std::vector<DeployedHost>& hosts,
                    const std::function<void(const std::string&)>& doing) {
    double narrowest = 0.0;
    for (const auto& [from, to] : pairs_to_check(hosts)) {
        doing("looking for the route from host '" + engine.host_name(from) + "' to host '" +
              engine.host_name(to) + "'");
        const double rate = engine.route(from, to).bytes_per_second;
        if (from != to && rate > 0.0) {
            narrowest = narrowest == 0.0 ? rate : std::min(narrowest, rate);
        }
    }
    return narrowest;
}

}  // namespace starling
