#include "sim/watts.hpp"

#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "sim/xml_scan.hpp"

namespace starling {
namespace {

std::vector<std::string> split_at(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

/// "100.0:120:200" of which there are from `least` to `most`. Watts are finite and at least 0.
std::optional<std::vector<double>> watts_of(const std::string& text, std::size_t least,
                                            std::size_t most) {
    std::vector<double> watts;
    for (const std::string& part : split_at(text, ':')) {
        char* end = nullptr;
        watts.push_back(std::strtod(part.c_str(), &end));
        while (*end == ' ') {
            ++end;
        }
        if (end == part.c_str() || *end != '\0' || !std::isfinite(watts.back()) ||
            watts.back() < 0.0) {
            return std::nullopt;
        }
    }
    if (watts.size() < least || watts.size() > most) {
        return std::nullopt;
    }
    return watts;
}

Error not_watts(const std::string& whose, const std::string& property, const std::string& value,
                const std::string& expected) {
    return Error{Errc::usage, "the property " + property + "=\"" + value + "\" of " + whose +
                                  " is not " + expected + ", in watts from 0 on"};
}

Result<HostWatts> host_watts(const SimEngine& engine, HostIndex host, const std::string& states) {
    const std::string whose = "host '" + engine.host_name(host) + "'";
    const std::vector<std::string> by_state = split_at(states, ',');
    const std::size_t state = engine.host_state(host);
    const auto watts = state < by_state.size() ? watts_of(by_state[state], 2, 3) : std::nullopt;
    if (!watts) {
        return not_watts(whose, "wattage_per_state", states,
                         "Idle:AllCores or Idle:Epsilon:AllCores for each of its states");
    }
    HostWatts result{watts->front(), watts->at(watts->size() - 2), watts->back(), 0.0};
    if (const auto off = engine.host_property(host, "wattage_off")) {
        const auto value = watts_of(*off, 1, 1);
        if (!value) {
            return not_watts(whose, "wattage_off", *off, "a number");
        }
        result.off = value->front();
    }
    return result;
}

}  // namespace

Result<PlatformWatts> PlatformWatts::read(const SimEngine& engine, const std::string& text) {
    PlatformWatts all;
    for (HostIndex host = 0; host < engine.host_count(); ++host) {
        if (const auto states = engine.host_property(host, "wattage_per_state")) {
            const Result<HostWatts> watts = host_watts(engine, host, *states);
            if (!watts) {
                return watts.error();
            }
            all.hosts_.emplace(host, *watts);
        }
    }
    if (text.find("wattage_range") == std::string::npos) {
        return all;
    }
    std::string owner;
    std::string kind;  // of the element that a property belongs to
    for (const XmlElement& element : scan_xml(text)) {
        if (element.name != "prop") {
            owner = element.value("id");
            kind = element.name;
            continue;
        }
        if (element.value("id") != "wattage_range" || (kind != "link" && kind != "cluster")) {
            continue;
        }
        const std::string value = element.value("value");
        const auto watts = watts_of(value, 2, 2);
        if (!watts) {
            return not_watts(kind + " '" + owner + "'", "wattage_range", value, "Idle:Busy");
        }
        (kind == "link" ? all.links_ : all.clusters_)[owner] = {watts->front(), watts->back()};
    }
    return all;
}

const HostWatts* PlatformWatts::host(HostIndex host) const {
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? nullptr : &found->second;
}

const LinkWatts* PlatformWatts::link(const std::string& name) const {
    std::string id = name;
    for (const char* direction : {"_UP", "_DOWN"}) {
        if (id.ends_with(direction)) {
            id.resize(id.size() - std::string(direction).size());
            break;
        }
    }
    for (const std::string& known : {name, id}) {
        if (const auto found = links_.find(known); found != links_.end()) {
            return &found->second;
        }
    }
    // SimGrid names a cluster's links ID_link_NUMBER_UP and so on.
    const std::size_t number = id.rfind("_link_");
    const auto cluster =
        clusters_.find(number == std::string::npos ? std::string() : id.substr(0, number));
    return cluster == clusters_.end() ? nullptr : &cluster->second;
}

}  // namespace starling
