// Latency, bandwidth and state of routes. Impossible values are refused here, since SimGrid accepts
// them silently and then computes nonsense or does not end.
#include "sim/sim_routes.hpp"

#include <cmath>

#include "sim/sg_compat.hpp"
#include "sim/wifi_cells.hpp"
#include "sim/xml_scan.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;

constexpr double latency_seconds_max = 1e8;

bool above_0(double value) { return std::isfinite(value) && value > 0.0; }

Error bad_value(const std::string& what, double value, const std::string& must) {
    return {Errc::usage, what + " of " + std::to_string(value) + " " + must};
}

/// Names of the zones in which SimGrid ends the process at a request for any route, also for one
/// from a host to itself. Their hosts may be reached from other zones.
std::set<std::string> zones_without_routes(const std::string& platform) {
    std::set<std::string> zones;
    for (const XmlElement& element : scan_xml(platform)) {
        if ((element.name == "zone" || element.name == "AS") &&
            element.value("routing") == "None") {
            zones.insert(element.value("id"));
        }
    }
    return zones;
}

}  // namespace

SimRoutes::SimRoutes(std::string platform_file, const std::string& text,
                     const std::vector<s4u::Host*>& hosts, const LinkConditions& conditions)
    : file_(std::move(platform_file)),
      hosts_(hosts),
      conditions_(conditions),
      wifi_rates_(attach_wifi_hosts(text, hosts)),
      zones_without_routes_(zones_without_routes(text)) {}

Result<void> SimRoutes::check_values(const std::vector<s4u::Link*>& links) const {
    for (const s4u::Host* host : hosts_) {
        for (unsigned long state = 0; state < host->get_pstate_count(); ++state) {
            const double speed = host->get_pstate_speed(state);
            // A state other than the host's current one may model booting, with a speed of 0.
            if (!above_0(speed) && (speed != 0.0 || state == host->get_pstate())) {
                return bad_value("host '" + host->get_name() + "' has a speed", speed,
                                 "flop/s: it must be a number above 0");
            }
        }
    }
    for (const s4u::Link* link : links) {
        const std::string name = "link '" + link->get_name() + "' has a ";
        if (!above_0(bandwidth(*link))) {
            return bad_value(name + "bandwidth", bandwidth(*link),
                             "bytes/s: it must be a number above 0");
        }
        const double latency = link->get_latency();
        if (!(latency >= 0.0) || latency > latency_seconds_max) {
            return bad_value(name + "latency", latency, "s: it must be from 0 to 1e8");
        }
    }
    return {};
}

SimRoute SimRoutes::route(HostIndex from, HostIndex to) const {
    if (!equal_ || from == to) {
        return find(from, to);
    }
    if (!any_) {
        any_ = find(0, 1);
    }
    return *any_;
}

SimRoute SimRoutes::find(HostIndex from, HostIndex to) const {
    if (from == to && has_own_loopback(from)) {
        return own_loopback;
    }
    const double latency = look_up(from, to);
    if (links_.empty() && latency <= 0.0) {
        throw none(from, to, "");
    }
    if (!(latency >= 0.0) || latency > latency_seconds_max) {
        throw none(from, to, "a latency of " + std::to_string(latency) + " s");
    }
    SimRoute route;
    route.latency = from_seconds(latency);
    double arriving = 1.0;  // share of the packets
    for (const s4u::Link* link : links_) {
        const double rate = bandwidth(*link) * bandwidth_factor;
        if (route.bytes_per_second == 0.0 || rate < route.bytes_per_second) {
            route.bytes_per_second = rate;
        }
        route.up = route.up && link->is_on();
        arriving *= 1.0 - conditions_.loss(*link);
    }
    route.loss = 1.0 - arriving;
    return route;
}

std::vector<SimLink> SimRoutes::links(HostIndex from, HostIndex to) const {
    look_up(from, to);
    std::vector<SimLink> links;
    for (const s4u::Link* link : links_) {
        links.push_back({link->get_name(), bandwidth(*link) * bandwidth_factor});
    }
    return links;
}

bool SimRoutes::has_own_loopback(HostIndex host) const {
    if (equal_) {
        return true;
    }
    const auto [known, fresh] = loopbacks_.try_emplace(host, false);
    if (fresh && !zones_without_routes_.empty() &&
        zones_without_routes_.contains(hosts_[host]->get_englobing_zone()->get_name())) {
        known->second = true;
    } else if (fresh) {
        try {
            const double latency = look_up(host, host);
            known->second =
                links_.empty() ? latency <= 0.0 : wifi_rates_.contains(links_.front()->get_name());
        } catch (const PlatformError&) {
            known->second = true;
        }
    }
    return known->second;
}

double SimRoutes::unshared_loopback(HostIndex host) const {
    const auto [known, fresh] = unshared_.try_emplace(host, 0.0);
    if (fresh) {
        look_up(host, host);
        if (links_.size() == 1 &&
            links_.front()->get_sharing_policy() == s4u::Link::SharingPolicy::FATPIPE) {
            known->second = bandwidth(*links_.front()) * bandwidth_factor;
        }
    }
    return known->second;
}

/// Looks up a route. \return  its latency in seconds; its links are in links_.
double SimRoutes::look_up(HostIndex from, HostIndex to) const {
    links_.clear();
    double latency = 0.0;  // route_to() adds to it
    try {
        hosts_[from]->route_to(hosts_[to], links_, &latency);
    } catch (const std::exception& error) {
        throw none(from, to, error.what());
    }
    return latency;
}

double SimRoutes::bandwidth(const s4u::Link& link) const {
    if (!wifi_rates_.empty()) {
        const auto rate = wifi_rates_.find(link.get_name());
        if (rate != wifi_rates_.end()) {
            return rate->second;
        }
    }
    return link.get_bandwidth();
}

PlatformError SimRoutes::none(HostIndex from, HostIndex to, const std::string& why) const {
    return PlatformError("platform file " + file_ + ": there is no usable route from host '" +
                         hosts_[from]->get_name() + "' to host '" + hosts_[to]->get_name() +
                         "', and nodes on both communicate" +
                         (why.empty() ? "" : " (SimGrid's message: " + why + ")") +
                         ": add a route to the platform, or place the nodes elsewhere");
}

}  // namespace starling
