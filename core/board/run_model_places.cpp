// What events mean that tell where nodes are, what moves between them, and what a server says of
// others: of a simulated platform, and of swarm-board about a live swarm.
#include <utility>

#include "core/board/run_model.hpp"

namespace starling {

void RunModel::placed(std::string_view node, std::string_view host) {
    const std::optional<std::size_t> index = nodes_.find(node);
    if (index && nodes_.at(*index).host != host.substr(0, board_text_max)) {
        ++now_.version;
        nodes_.changed(*index, now_).host = host.substr(0, board_text_max);
    }
}

void RunModel::answered() {
    if (std::exchange(server_lost_us_, -1) != -1) {
        ++now_.version;
    }
}

void RunModel::add_of_platform(std::size_t node, std::string_view name, const EventFields& fields) {
    if (name == "node_placed") {
        nodes_.changed(node, now_).host = fields.text("host").substr(0, board_text_max);
    } else if (name == "route_used") {
        platform_.route(fields.text("from"), fields.text("to"), fields.text("links"), now_);
    } else if (name == "link_used" && fields.has("link")) {
        platform_.used(fields.text("link"), fields.number("bytes").value_or(0),
                       fields.number("bytes_per_second").value_or(0), now_);
    }
}

void RunModel::add_of_tool(std::string_view name, const EventFields& fields) {
    if (name == "server_lost") {
        server_lost_us_ = now_.us;
    } else if (name == "licence_seats") {
        licence_.is(fields);
    } else if (name == "bytes_received" && fields.has("node")) {
        const std::size_t node = nodes_.index_of(fields.text("node"), now_);
        std::uint64_t sum = 0;
        for (const auto& [sender, bytes] : links_.received(node, fields.text("from"), now_)) {
            sum += bytes;
            if (sender != LinkTable::several) {
                nodes_.changed(static_cast<std::size_t>(sender), now_).sent_bytes += bytes;
            }
        }
        nodes_.changed(node, now_).received_bytes += sum;
        rounds_.sent(std::string(fields.text("contract").substr(0, board_text_max)),
                     fields.number("round").value_or(0), sum, now_);
    }
}

}  // namespace starling
