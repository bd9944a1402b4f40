#include "sim/wifi_cells.hpp"

#include <set>

#include <xbt/parse_units.hpp>

#include "sim/sg_compat.hpp"
#include "sim/xml_scan.hpp"

namespace starling {

namespace s4u = simgrid::s4u;

std::map<std::string, double> attach_wifi_hosts(const std::string& platform,
                                                const std::vector<s4u::Host*>& hosts) {
    std::set<std::string> zones;
    std::map<std::string, double> rates;
    for (const XmlElement& element : scan_xml(platform)) {
        if (element.name == "zone" && element.value("routing") == "Wifi") {
            zones.insert(element.value("id"));
        } else if (element.name == "link" && element.value("sharing_policy") == "WIFI") {
            const std::vector<double> levels = xbt_parse_get_bandwidths(
                "platform", 0, element.value("bandwidth"), "bandwidth of a wifi link");
            rates[element.value("id")] = levels.empty() ? 0.0 : levels.front();
        }
    }
    if (zones.empty()) {
        return rates;
    }
    // The route of a station to itself is over the cell's link; that of the access point is empty.
    std::map<std::string, const s4u::Link*> air;  // by zone
    for (const s4u::Host* host : hosts) {
        const std::string zone = host->get_englobing_zone()->get_name();
        if (zones.contains(zone) && !air.contains(zone)) {
            std::vector<s4u::Link*> links;
            double latency = 0.0;
            host->route_to(host, links, &latency);
            if (!links.empty() && rates.contains(links.front()->get_name())) {
                air[zone] = links.front();
            }
        }
    }
    for (const s4u::Host* host : hosts) {
        const auto cell = air.find(host->get_englobing_zone()->get_name());
        if (cell != air.end()) {
            cell->second->set_host_wifi_rate(host, 0);
        }
    }
    return rates;
}

}  // namespace starling
