#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/board/kept_list.hpp"
#include "core/board/moment.hpp"

namespace starling {

/// The links of a simulated platform, the routes over them, and how many bytes each link carried
/// when. At most `uses_max` uses are kept, older ones are summed by link; at most links_max links,
/// of which the last stands for all further ones, and routes_max routes.
class PlatformTable {
public:
    static constexpr std::size_t links_max = 2'000;
    static constexpr std::size_t routes_max = 500;

    explicit PlatformTable(std::size_t uses_max) : uses_(uses_max) {}

    /// \param links  names of links, in order, with commas between them
    void route(std::string_view from, std::string_view to, std::string_view links, Moment now);
    /// \param bytes  since the use before
    void used(std::string_view link, std::uint64_t bytes, std::uint64_t bytes_per_second,
              Moment now);

    /// Writes the members "links" (arrays of id, name, bytes per second), "routes" (arrays of host,
    /// host, ids of links), "link_uses" (arrays of id, link, us, bytes, bytes per second that it
    /// could carry), "link_uses_from" and "link_uses_before" (arrays of link and the bytes of all
    /// uses that are no longer kept) of an object: what changed after version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    struct Link {
        std::string name;
        std::uint64_t bytes_per_second = 0;
        std::uint64_t version = 0;
        std::uint64_t before = 0;  ///< bytes of the uses that are no longer kept
        std::uint64_t before_version = 0;
    };
    struct Route {
        std::string from;
        std::string to;
        std::vector<std::size_t> links;
        std::uint64_t version = 0;
    };
    struct Use {
        std::size_t id = 0;
        std::uint64_t version = 0;
        std::size_t link = 0;
        std::int64_t us = 0;
        std::uint64_t bytes = 0;
        std::uint64_t bytes_per_second = 0;  ///< that it could carry then
    };
    std::size_t index_of(std::string_view link, Moment now);

    std::vector<Link> links_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::vector<Route> routes_;
    KeptList<Use> uses_;
};

}  // namespace starling
