#include "core/board/link_table.hpp"

#include <algorithm>
#include <charconv>

namespace starling {

std::vector<LinkTable::Sent> LinkTable::received(std::size_t node, std::string_view from,
                                                 Moment now) {
    std::vector<Sent> added;
    constexpr std::size_t parts_max = 64;
    for (std::size_t part = 0; part < parts_max && !from.empty(); ++part) {
        const std::string_view item = from.substr(0, from.find(','));
        from.remove_prefix(std::min(item.size() + 1, from.size()));
        const std::size_t colon = item.rfind(':');
        if (colon == std::string_view::npos || colon == 0) {
            continue;
        }
        std::uint64_t bytes = 0;
        const char* end = item.data() + item.size();
        const auto [rest, error] = std::from_chars(item.data() + colon + 1, end, bytes);
        if (error != std::errc{} || rest != end || bytes == 0) {
            continue;
        }
        const std::string_view name = item.substr(0, colon);
        const std::int64_t sender =
            name == "*" ? several : static_cast<std::int64_t>(nodes_.index_of(name, now));
        add({0, now.version, sender, node, now.us, bytes});
        added.emplace_back(sender, bytes);
    }
    return added;
}

void LinkTable::add(Transfer transfer) {
    const auto dropped = transfers_.add(transfer);
    if (!dropped) {
        return;
    }
    const auto known = before_.find({dropped->from, dropped->to});
    const bool full = known == before_.end() && before_.size() >= pairs_max_;
    Sum& sum = known != before_.end() ? known->second
                                      : before_[{full ? several : dropped->from, dropped->to}];
    sum.bytes += dropped->bytes;
    sum.version = transfer.version;
}

void LinkTable::write(JsonWriter& json, std::uint64_t since) const {
    transfers_.write(json, "transfers", since, [&](const Transfer& transfer) {
        json.begin_array()
            .value(transfer.id)
            .value(transfer.from)
            .value(transfer.to)
            .value(transfer.us)
            .value(transfer.bytes)
            .end_array();
    });
    json.key("links_before").begin_array();
    for (const auto& [pair, sum] : before_) {
        if (sum.version > since) {
            json.begin_array().value(pair.first).value(pair.second).value(sum.bytes).end_array();
        }
    }
    json.end_array();
}

}  // namespace starling
