// A pair's bytes are counted once, at their ends; here they are added to each link of the pair's
// route, so that no event of the simulation pays for it.
#include "sim/resource_use.hpp"

#include <algorithm>
#include <map>

namespace starling {

ResourceUse resource_use(const SimEngine& engine, const SimMachines& machines,
                         const SimNetwork& network, std::size_t links_max) {
    ResourceUse use;
    for (const auto& machine : machines.used()) {
        use.machines.push_back({machine->name, machine->cores.cores(),
                                machine->cores.busy_seconds(), machine->disk.busy_seconds()});
    }
    std::map<std::string, LinkUse> links;
    for (const auto& [hosts, bytes] : network.bytes()) {
        if (hosts.first == hosts.second) {
            continue;
        }
        for (const SimLink& link : engine.route_links(hosts.first, hosts.second)) {
            LinkUse& entry = links[link.name];
            entry.name = link.name;
            entry.bytes += bytes.sent;
            entry.bytes_per_second = link.bytes_per_second;
        }
    }
    for (auto& [name, link] : links) {
        use.links.push_back(std::move(link));
    }
    std::stable_sort(use.links.begin(), use.links.end(), [](const LinkUse& a, const LinkUse& b) {
        return a.busy_seconds() > b.busy_seconds();
    });
    use.links.resize(std::min(use.links.size(), links_max));
    return use;
}

}  // namespace starling
