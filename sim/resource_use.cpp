// A pair's bytes are counted once, at their ends; here they are added to each link of the pair's
// route, so that no event of the simulation pays for it.
#include "sim/resource_use.hpp"

#include <algorithm>
#include <map>

namespace starling {

std::vector<LinkUse> link_use(const SimEngine& engine, const SimNetwork& network) {
    std::map<std::string, LinkUse> by_name;
    for (const auto& [hosts, bytes] : network.bytes()) {
        if (hosts.first == hosts.second) {
            continue;
        }
        for (const SimLink& link : engine.route_links(hosts.first, hosts.second)) {
            LinkUse& entry = by_name[link.name];
            entry.name = link.name;
            entry.bytes += bytes.sent;
            entry.bytes_per_second = link.bytes_per_second;
        }
    }
    std::vector<LinkUse> links;
    for (auto& [name, link] : by_name) {
        links.push_back(std::move(link));
    }
    std::stable_sort(links.begin(), links.end(), [](const LinkUse& a, const LinkUse& b) {
        return a.busy_seconds() > b.busy_seconds();
    });
    return links;
}

ResourceUse resource_use(const SimMachines& machines, std::vector<LinkUse> links) {
    constexpr std::size_t links_max = 100;
    ResourceUse use;
    for (const auto& machine : machines.used()) {
        use.machines.push_back({machine->name, machine->cores.cores(),
                                machine->cores.use().busy_seconds,
                                machine->disk.use().busy_seconds});
    }
    links.resize(std::min(links.size(), links_max));
    use.links = std::move(links);
    return use;
}

}  // namespace starling
