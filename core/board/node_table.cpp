#include "core/board/node_table.hpp"

#include <algorithm>
#include <array>

#include "core/base/invariant.hpp"

namespace starling {
namespace {

constexpr std::size_t shown_name_max = 200;  // names in a trace may be anything
constexpr std::size_t no_span = static_cast<std::size_t>(-1);

template <typename Number>
void write_or_null(JsonWriter& json, const std::optional<Number>& number) {
    if (number) {
        json.value(*number);
    } else {
        json.null();
    }
}

void write_node(JsonWriter& json, std::size_t index, const BoardNode& node) {
    json.begin_object()
        .field("index", index)
        .field("name", node.name)
        .field("role", node.role ? to_string(*node.role) : "")
        .field("state", to_string(node.state))
        .field("since_us", node.since_us)
        .field("last_us", node.last_us)
        .field("round", node.round)
        .field("contract", node.contract)
        .field("partner", node.partner)
        .field("site", node.site)
        .field("host", node.host)
        .field("seat", node.seat)
        .field("epochs", node.progress.epochs)
        .field("epochs_total", node.progress.epochs_total)
        .field("epochs_round", node.progress.epochs_round)
        .field("finished", node.progress.finished)
        .field("sent_bytes", node.sent_bytes)
        .field("received_bytes", node.received_bytes)
        .key("certificate_until");
    write_or_null(json, node.certificate_until);
    json.key("exit_code");
    write_or_null(json, node.exit_code);
    json.end_object();
}

}  // namespace

std::string_view to_string(NodeActivity state) {
    constexpr std::array<std::string_view, 14> names = {
        "starting", "training",  "sending",    "waiting", "exchanging", "reporting", "catching_up",
        "leading",  "following", "leaderless", "serving", "ended",      "failed",    "down"};
    return names.at(static_cast<std::size_t>(state));
}

std::optional<std::size_t> NodeTable::find(std::string_view name) const {
    const auto known = index_.find(name.substr(0, shown_name_max));
    return known == index_.end() ? std::nullopt : std::optional(known->second);
}

std::size_t NodeTable::index_of(std::string_view name, Moment now) {
    name = name.substr(0, shown_name_max);
    if (const auto known = index_.find(name); known != index_.end()) {
        return known->second;
    }
    if (nodes_.size() + 1 >= nodes_max_) {
        name = "(further nodes)";
        if (const auto known = index_.find(name); known != index_.end()) {
            return known->second;
        }
    }
    const std::size_t index = nodes_.size();
    BoardNode& node = nodes_.emplace_back();
    node.name = name;
    node.since_us = node.last_us = now.us;
    node.version = now.version;
    node.span = no_span;
    index_.emplace(name, index);
    return index;
}

BoardNode& NodeTable::changed(std::size_t index, Moment now) {
    BoardNode& node = nodes_[index];
    node.version = now.version;
    return node;
}

namespace {

bool is_over(const BoardNode& node) {
    return node.state == NodeActivity::ended || node.state == NodeActivity::failed ||
           node.state == NodeActivity::down;
}

}  // namespace

bool NodeTable::any_running() const { return !std::all_of(nodes_.begin(), nodes_.end(), is_over); }

void NodeTable::count_servers() {
    servers_ = servers_ended_ = 0;
    for (const BoardNode& node : nodes_) {
        servers_ += node.role == Role::sn ? 1U : 0U;
        servers_ended_ += node.role == Role::sn && is_over(node) ? 1U : 0U;
    }
}

void NodeTable::enter(std::size_t index, NodeActivity state, std::uint64_t round, Moment now) {
    BoardNode& node = changed(index, now);
    node.round = round;
    if (NodeSpan* before = spans_.find(node.span)) {
        if (before->state == state && before->round == round) {
            return;
        }
        before->to_us = std::max(now.us, before->from_us);
        before->version = now.version;
    }
    node.state = state;
    node.since_us = now.us;
    node.span = spans_.next();
    spans_.add({0, index, state, now.us, -1, round, now.version});
    if (on_enter_) {
        on_enter_(index, node, now);
    }
}

void NodeTable::checked_in(std::size_t index, std::uint64_t round, std::uint64_t epochs,
                           std::uint64_t epochs_total, bool finished, Moment now) {
    NodeProgress& progress = changed(index, now).progress;
    if (progress.epochs != epochs || finished || round < progress.epochs_round) {
        progress.epochs_round = round;
    }
    progress.epochs = epochs;
    progress.epochs_total = epochs_total;
    progress.finished = finished;
}

void NodeTable::write(JsonWriter& json, std::uint64_t since) const {
    json.key("nodes").begin_array();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].version > since) {
            write_node(json, i, nodes_[i]);
        }
    }
    json.end_array();
    spans_.write(json, "spans", since, [&](const NodeSpan& span) {
        json.begin_array()
            .value(span.id)
            .value(span.node)
            .value(to_string(span.state))
            .value(span.from_us)
            .value(span.to_us)
            .value(span.round)
            .end_array();
    });
}

}  // namespace starling
