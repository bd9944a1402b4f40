#include "core/board/platform_table.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::size_t name_max = 200;
constexpr std::size_t links_a_route_max = 64;

}  // namespace

std::size_t PlatformTable::index_of(std::string_view link, Moment now) {
    const std::string_view name = link.substr(0, name_max);
    const auto known = by_name_.find(name);
    if (known != by_name_.end()) {
        return known->second;
    }
    if (links_.size() == links_max) {
        return links_max - 1;
    }
    const bool last = links_.size() + 1 == links_max;
    links_.push_back({last ? "(further links)" : std::string(name), 0, now.version, 0, 0});
    if (!last) {
        by_name_.emplace(name, links_.size() - 1);
    }
    return links_.size() - 1;
}

void PlatformTable::route(std::string_view from, std::string_view to, std::string_view links,
                          Moment now) {
    if (routes_.size() == routes_max) {
        return;
    }
    Route route{std::string(from.substr(0, name_max)),
                std::string(to.substr(0, name_max)),
                {},
                now.version};
    while (!links.empty() && route.links.size() < links_a_route_max) {
        const std::string_view name = links.substr(0, links.find(','));
        links.remove_prefix(std::min(name.size() + 1, links.size()));
        route.links.push_back(index_of(name, now));
    }
    routes_.push_back(std::move(route));
}

void PlatformTable::used(std::string_view name, std::uint64_t bytes, std::uint64_t bytes_per_second,
                         Moment now) {
    const std::size_t index = index_of(name, now);
    Link& link = links_[index];
    if (link.bytes_per_second != bytes_per_second) {
        link.bytes_per_second = bytes_per_second;
        link.version = now.version;
    }
    if (const auto dropped = uses_.add({0, now.version, index, now.us, bytes, bytes_per_second})) {
        links_[dropped->link].before += dropped->bytes;
        links_[dropped->link].before_version = now.version;
    }
}

void PlatformTable::write(JsonWriter& json, std::uint64_t since) const {
    json.key("links").begin_array();
    for (std::size_t id = 0; id < links_.size(); ++id) {
        const Link& link = links_[id];
        if (link.version > since) {
            json.begin_array().value(id).value(link.name).value(link.bytes_per_second).end_array();
        }
    }
    json.end_array().key("routes").begin_array();
    for (const Route& route : routes_) {
        if (route.version > since) {
            json.begin_array().value(route.from).value(route.to).begin_array();
            for (const std::size_t link : route.links) {
                json.value(link);
            }
            json.end_array().end_array();
        }
    }
    json.end_array();
    uses_.write(json, "link_uses", since, [&](const Use& use) {
        json.begin_array()
            .value(use.id)
            .value(use.link)
            .value(use.us)
            .value(use.bytes)
            .value(use.bytes_per_second)
            .end_array();
    });
    json.key("link_uses_before").begin_array();
    for (std::size_t id = 0; id < links_.size(); ++id) {
        if (links_[id].before_version > since) {
            json.begin_array().value(id).value(links_[id].before).end_array();
        }
    }
    json.end_array();
}

}  // namespace starling
