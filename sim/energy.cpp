// Power is linear in load, so that energy needs no integral over events: the time off, the time at
// rest, the time with any work and the core seconds of that work are enough, and bytes for a link.
#include "sim/energy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/base/size_text.hpp"

namespace starling {
namespace {

std::string kind_of(const std::string& host) {
    const std::size_t number = host.find_last_not_of("0123456789");
    const std::size_t name =
        number == std::string::npos ? number : host.find_last_not_of("-_. ", number);
    return name == std::string::npos ? host : host.substr(0, name + 1);
}

void add(EnergyUse::Kind& kind, double joules, double at_rest) {
    ++kind.hosts;
    kind.joules += joules;
    kind.at_rest += at_rest;
}

}  // namespace

EnergyUse::Kind EnergyUse::all_hosts() const {
    Kind all{"hosts"};
    for (const Kind& kind : hosts) {
        all.hosts += kind.hosts;
        all.joules += kind.joules;
        all.at_rest += kind.at_rest;
    }
    return all;
}

EnergyUse energy_use(const PlatformWatts& watts, const SimEngine& engine,
                     const std::vector<HostIndex>& hosts, SimMachines& machines,
                     const OffTimes& off, const std::vector<LinkUse>& links, SwarmTime end) {
    const double seconds = to_seconds(end.time_since_epoch());
    EnergyUse use;
    std::map<std::string, EnergyUse::Kind> kinds;
    for (const HostIndex host : hosts) {
        const HostWatts* power = watts.host(host);
        if (power == nullptr) {
            continue;
        }
        const double off_seconds = to_seconds(off.of(engine.host_name(host), end));
        const SimCpu::Use load = machines.load(host);
        const double at_rest = power->off * off_seconds + power->idle * (seconds - off_seconds);
        const double working =
            (power->working - power->idle) * load.active_seconds +
            (power->all_cores - power->working) * load.busy_seconds / engine.host_cores(host);
        EnergyUse::Kind& kind = kinds[kind_of(engine.host_name(host))];
        kind.name = kind_of(engine.host_name(host));
        add(kind, at_rest + working, at_rest);
    }
    for (auto& [name, kind] : kinds) {
        use.hosts.push_back(std::move(kind));
    }
    for (const LinkUse& link : links) {
        if (const LinkWatts* power = watts.link(link.name)) {
            const double at_rest = power->idle * seconds;
            const double working = (power->busy - power->idle) * link.busy_seconds();
            add(use.links, at_rest + working, at_rest);
        }
    }
    return use;
}

std::string joules_text(double joules) {
    constexpr std::array<const char*, 5> units = {"J", "kJ", "MJ", "GJ", "TJ"};
    std::size_t unit = 0;
    while (std::abs(joules) >= 999.5 && unit + 1 < units.size()) {
        joules /= 1000.0;
        ++unit;
    }
    const int decimals = std::abs(joules) < 9.995 ? 2 : std::abs(joules) < 99.95 ? 1 : 0;
    return decimal_text(joules, decimals) + " " + units[unit];
}

}  // namespace starling
