#include "sim/link_log.hpp"

#include <algorithm>
#include <utility>

namespace starling {
namespace {

constexpr std::size_t links_a_sample = 64;
constexpr std::size_t links_at_the_end = 1'000;
constexpr std::size_t pairs_max = 20'000;
constexpr std::size_t routes_max = 400;
constexpr std::uint64_t samples_before_doubling = 200;

}  // namespace

LinkLog::LinkLog(TraceSink& trace, const SimEngine& engine, SimNetwork& network, bool on)
    : trace_(trace), engine_(engine), network_(network), on_(on) {}

void LinkLog::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    if (on_ && time >= next_) {
        sample(time, links_a_sample);
        interval_ = ++samples_ % samples_before_doubling == 0 ? 2 * interval_ : interval_;
        next_ = time + interval_;
    }
    conditions_changed_ = conditions_changed_ || event.name == "conditions_changed";
    trace_.report(time, node, event);
}

void LinkLog::placed(SwarmTime time, const NodeId& node, const std::string& host) {
    if (on_) {
        report(time, node, TraceEvent("node_placed").with("host", host));
    }
}

void LinkLog::finish(SwarmTime time) {
    if (on_) {
        sample(time, links_at_the_end);
    }
}

void LinkLog::sample(SwarmTime time, std::size_t links_max) {
    if (!count(time)) {
        on_ = false;
        return;
    }
    std::vector<Link*> used;
    for (Link& link : links_) {
        if (link.bytes > 0) {
            used.push_back(&link);
        }
    }
    std::stable_sort(used.begin(), used.end(),
                     [](const Link* a, const Link* b) { return a->bytes > b->bytes; });
    used.resize(std::min(used.size(), links_max));
    for (Link* link : used) {
        trace_.report(time, {"platform"},
                      TraceEvent("link_used")
                          .with("link", link->name)
                          .with("bytes", std::exchange(link->bytes, 0))
                          .with("bytes_per_second", link->bytes_per_second));
    }
}

bool LinkLog::count(SwarmTime time) {
    const auto& all = network_.bytes();
    if (all.size() > pairs_max) {
        return false;
    }
    if (std::exchange(conditions_changed_, false)) {
        for (auto& [hosts, pair] : pairs_) {
            look_up(pair, hosts);
        }
    }
    for (const auto& [hosts, bytes] : all) {
        if (hosts.first == hosts.second || bytes.delivered == 0) {
            continue;
        }
        Pair& pair = pair_of(time, hosts);
        const std::uint64_t more = bytes.delivered - std::exchange(pair.delivered, bytes.delivered);
        for (const std::size_t link : pair.links) {
            links_[link].bytes += more;
        }
    }
    return true;
}

LinkLog::Pair& LinkLog::pair_of(SwarmTime time, Hosts hosts) {
    const auto [known, fresh] = pairs_.try_emplace(hosts);
    Pair& pair = known->second;
    if (!fresh) {
        return pair;
    }
    look_up(pair, hosts);
    if (routes_reported_ < routes_max) {
        ++routes_reported_;
        std::string names;
        for (const std::size_t link : pair.links) {
            names += (names.empty() ? "" : ",") + links_[link].name;
        }
        trace_.report(time, {"platform"},
                      TraceEvent("route_used")
                          .with("from", engine_.host_name(hosts.first))
                          .with("to", engine_.host_name(hosts.second))
                          .with("links", names));
    }
    return pair;
}

void LinkLog::look_up(Pair& pair, Hosts hosts) {
    pair.links.clear();
    for (const SimLink& link : engine_.route_links(hosts.first, hosts.second)) {
        const auto [place, fresh] = by_name_.try_emplace(link.name, links_.size());
        if (fresh) {
            links_.push_back({link.name, 0, 0});
        }
        links_[place->second].bytes_per_second = static_cast<std::uint64_t>(link.bytes_per_second);
        pair.links.push_back(place->second);
    }
}

}  // namespace starling
