#include "sim/scale_deployment.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "core/base/random.hpp"
#include "core/base/size_text.hpp"

namespace starling {
namespace {

constexpr std::uint32_t hosts_max = 100'000;
constexpr std::uint32_t hosts_per_site = 100;
constexpr std::uint32_t sync_frequency = 128;  ///< batches
constexpr std::uint32_t batch_size = 32;       ///< samples, the default of modelled training
constexpr double off_seconds = 10.0;

const char* const xml_head =
    "<?xml version='1.0'?>\n"
    "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
    "<platform version=\"4.1\">\n";

std::string cluster(const std::string& id, std::uint32_t hosts, const std::string& bandwidth,
                    bool own_loopbacks) {
    return "    <cluster id=\"" + id + "\" prefix=\"" + id + "-\" suffix=\"\" radical=\"1-" +
           std::to_string(hosts) + "\" speed=\"1Gf\" bw=\"" + bandwidth + "\" lat=\"25us\"" +
           (own_loopbacks ? " loopback_bw=\"5GBps\" loopback_lat=\"20us\"" : "") + " router_id=\"" +
           id + "-router\"/>\n";
}

/// Numbers of hosts at each site.
std::vector<std::uint32_t> site_sizes(const ScaleOptions& options) {
    const std::uint32_t sites = std::max(2U, options.hosts / hosts_per_site);
    std::vector<std::uint32_t> sizes(sites, options.hosts / sites);
    for (std::uint32_t site = 0; site < options.hosts % sites; ++site) {
        ++sizes[site];
    }
    return sizes;
}

std::vector<std::string> host_names(const ScaleOptions& options) {
    std::vector<std::string> names;
    const auto add = [&names](const std::string& cluster_id, std::uint32_t count) {
        for (std::uint32_t host = 1; host <= count; ++host) {
            names.push_back(cluster_id + "-" + std::to_string(host));
        }
    };
    if (options.kind == ScaleOptions::Kind::star) {
        add("node", options.hosts);
        return names;
    }
    std::uint32_t site = 0;
    for (const std::uint32_t size : site_sizes(options)) {
        add("site" + std::to_string(++site), size);
    }
    return names;
}

std::string sites_zone(const ScaleOptions& options) {
    std::string text = "  <zone id=\"world\" routing=\"Floyd\">\n";
    std::string links;
    std::string routes;
    std::uint32_t site = 0;
    for (const std::uint32_t size : site_sizes(options)) {
        const std::string id = "site" + std::to_string(++site);
        text += cluster(id, size, "1Gbps", true);
        links += "    <link id=\"wan-" + id +
                 "\" bandwidth=\"10Gbps\" latency=\"5ms\" sharing_policy=\"SPLITDUPLEX\"/>\n";
        routes += "    <zoneRoute src=\"" + id + "\" dst=\"centre\" gw_src=\"" + id +
                  "-router\" gw_dst=\"centre-router\">\n      <link_ctn id=\"wan-" + id +
                  "\" direction=\"UP\"/>\n    </zoneRoute>\n";
    }
    text +=
        "    <zone id=\"centre\" routing=\"Full\">\n      <router id=\"centre-router\"/>\n"
        "    </zone>\n";
    return text + links + routes + "  </zone>\n";
}

/// For SimGrid's XML: in seconds, to the millisecond.
std::string seconds_text(double seconds) { return decimal_text(seconds, 3); }

/// When hosts leave and return; SimGrid wants one profile for each host.
std::string churn_profiles(const ScaleOptions& options) {
    const std::vector<std::string> names = host_names(options);
    Random random(options.seed);
    const auto leaving = static_cast<std::size_t>(
        std::lround(static_cast<double>(names.size() - 1) * options.churn_percent / 100));
    std::map<std::size_t, std::string> changes;
    for (std::uint32_t period = 0; period < options.rounds; ++period) {
        std::set<std::size_t> chosen;
        while (chosen.size() < leaving) {
            chosen.insert(1 + random.below(names.size() - 1));
        }
        for (const std::size_t host : chosen) {
            const double off =
                period * churn_seconds + random.uniform() * (churn_seconds - off_seconds);
            changes[host] += seconds_text(off) + " 0\n" + seconds_text(off + off_seconds) + " 1\n";
        }
    }
    std::string text;
    std::string connected;
    for (const auto& [host, times] : changes) {
        text += "  <trace id=\"churn-of-" + names[host] + "\" periodicity=\"-1\">\n" + times +
                "  </trace>\n";
        connected += "  <trace_connect kind=\"HOST_AVAIL\" trace=\"churn-of-" + names[host] +
                     "\" element=\"" + names[host] + "\"/>\n";
    }
    return text + connected;
}

/// One segment for each owner of the tree, if that is a multiple of the usual size: neighbouring
/// segments go from and to the same members, and each costs messages, memory and events.
std::uint64_t segment_bytes_of(const ScaleOptions& options) {
    const std::uint64_t owners = tree_owners_max(options.hosts);
    const std::uint64_t unit = segment_bytes;
    const std::uint64_t units = (options.parameters * 4 + owners * unit - 1) / (owners * unit);
    return std::min(units * unit, ParamLayout::segment_bytes_max);
}

SimActor training_actor(const SimEngine& engine, const ScaleOptions& options,
                        const std::vector<HostIndex>& hosts, bool stays) {
    const std::size_t needed = stays ? hosts.size() : hosts.size() / 2 + 1;
    // The first sync is before the first batch, unless there is one only; the last one behind the
    // last.
    const bool syncs_first = options.rounds > 1;
    const std::uint64_t batches =
        (syncs_first ? options.rounds - 2 : 0) * std::uint64_t{sync_frequency} + sync_frequency / 2;
    const double train_seconds = stays ? 12.8 : churn_seconds - 2 * off_seconds;
    const std::string& first = engine.host_name(hosts.front());
    return {
        .function = "run-sl",
        .host = hosts.front(),
        .arguments = {"--name=sl1", "--host-ip=" + first, "--sn-ip=" + first,
                      "--ml-entrypoint=modelled", "--ml-name=ml1", "--ml-e=MAX_EPOCHS=1",
                      "--ml-e=MIN_PEERS=" + std::to_string(needed),
                      "--ml-e=EXCHANGE=" + options.exchange,
                      "--ml-e=SYNC_FREQUENCY=" + std::to_string(sync_frequency)},
        .properties = {{"model.parameters", std::to_string(options.parameters)},
                       {"model.segment_bytes", std::to_string(segment_bytes_of(options))},
                       {"model.seconds_per_batch", seconds_text(train_seconds / sync_frequency)},
                       {"model.samples", std::to_string(batches * batch_size)},
                       {"model.sync_first", syncs_first ? "1" : "0"}}};
}

/// By name, of which a number at its end counts as a number.
bool precedes_by_number(const std::string& a, const std::string& b) {
    const auto key = [](const std::string& name) {
        const std::size_t digits = name.find_last_not_of("0123456789") + 1;
        const std::string number = name.substr(digits);
        return std::tuple(name.substr(0, digits), number.size(), number);
    };
    return key(a) < key(b);
}

}  // namespace

Result<ScaleOptions::Kind> parse_scale_kind(const std::string& text) {
    if (text == "star") {
        return ScaleOptions::Kind::star;
    }
    if (text == "sites") {
        return ScaleOptions::Kind::sites;
    }
    return Error{Errc::usage, "--scale-kind " + text + " is not star or sites"};
}

Result<void> check_scale(const ScaleOptions& options) {
    if (options.hosts < 2 || options.hosts > hosts_max) {
        return Error{Errc::usage, "--scale " + std::to_string(options.hosts) + ": from 2 to " +
                                      std::to_string(hosts_max) + " hosts"};
    }
    if (options.churn_percent > 0 && options.rounds < 2) {
        return Error{Errc::usage, "--churn needs --rounds 2 at least"};
    }
    const double leaving = static_cast<double>(options.hosts - 1) * options.churn_percent / 100;
    if (options.churn_percent > 0 && leaving < 0.5) {
        return Error{Errc::usage, "--churn: this is none of " + std::to_string(options.hosts - 1) +
                                      " hosts without an SN"};
    }
    return {};
}

std::string scale_platform(const ScaleOptions& options) {
    std::string text = xml_head;
    if (options.kind == ScaleOptions::Kind::star) {
        text += "  <zone id=\"world\" routing=\"Full\">\n" +
                cluster("node", options.hosts, "10Gbps", options.own_loopbacks) + "  </zone>\n";
    } else {
        text += sites_zone(options);
    }
    if (options.churn_percent > 0) {
        text += churn_profiles(options);
    }
    return text + "</platform>\n";
}

std::vector<std::string> scale_host_names(const ScaleOptions& options) {
    std::vector<std::string> names = host_names(options);
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::vector<HostIndex>> scale_hosts(const SimEngine& engine, const ScaleOptions& options) {
    std::vector<HostIndex> hosts(engine.host_count());
    std::iota(hosts.begin(), hosts.end(), HostIndex{0});
    std::sort(hosts.begin(), hosts.end(), [&engine](HostIndex a, HostIndex b) {
        return precedes_by_number(engine.host_name(a), engine.host_name(b));
    });
    if (hosts.size() < options.hosts) {
        return Error{Errc::usage, "--scale " + std::to_string(options.hosts) +
                                      ": the platform has " + std::to_string(hosts.size()) +
                                      " hosts"};
    }
    if (!options.sn_host.empty()) {
        const auto named = std::find_if(hosts.begin(), hosts.end(), [&](HostIndex host) {
            return engine.host_name(host) == options.sn_host;
        });
        if (named == hosts.end()) {
            return Error{Errc::usage,
                         "--sn-host " + options.sn_host + ": the platform has no such host"};
        }
        std::rotate(hosts.begin(), named, named + 1);
    }
    hosts.resize(options.hosts);
    return hosts;
}

Result<std::vector<SimNodePlan>> scale_nodes(const SimEngine& engine, const ScaleOptions& options,
                                             const std::vector<HostIndex>& hosts, bool stays) {
    const std::string& first = engine.host_name(hosts.front());
    Result<std::vector<SimNodePlan>> nodes =
        plan_nodes(engine, {.function = "run-sn",
                            .host = hosts.front(),
                            .arguments = {"--name=sn1", "--host-ip=" + first, "--sentinel"},
                            .properties = {}});
    Result<std::vector<SimNodePlan>> pair =
        plan_nodes(engine, training_actor(engine, options, hosts, stays));
    if (!nodes || !pair) {
        return nodes ? pair.error() : nodes.error();
    }
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const std::string number = std::to_string(i + 1);
        for (SimNodePlan plan : *pair) {
            plan.host = hosts[i];
            plan.id = {(plan.role == Role::sl ? "sl" : "ml") + number};
            plan.socket = "/sl" + number + ".sock";  // so short that no copy needs memory
            if (plan.role == Role::sl) {
                plan.listens.host = engine.host_name(hosts[i]);
            }
            nodes->push_back(std::move(plan));
        }
    }
    return nodes;
}

}  // namespace starling
