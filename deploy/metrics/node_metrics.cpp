#include "deploy/metrics/node_metrics.hpp"

#include "core/base/version.hpp"
#include "core/wire/codec.hpp"

namespace starling {

void NodeMetrics::count_input(const Input& input) {
    if (const auto* up = std::get_if<PeerUp>(&input)) {
        up_[up->peer] = up->role;
        ++connections_[up->role].opened;
    } else if (const auto* lost = std::get_if<PeerLost>(&input)) {
        if (const auto peer = up_.find(lost->peer); peer != up_.end()) {
            ++connections_[peer->second].lost;
            up_.erase(peer);
        }
    } else if (std::holds_alternative<ConnectFailed>(input)) {
        ++connect_failures_;
    }
}

void NodeMetrics::count(const TraceEvent& event) {
    if (!event.text.empty()) {
        warnings_ += event.level == Level::warning ? 1 : 0;
        errors_ += event.level == Level::error ? 1 : 0;
    }
}

void NodeMetrics::write(Exposition& out) const {
    out.family("starling_build_info", "gauge", "Always 1; the labels describe the program.");
    out.sample({{"node", node_.name},
                {"role", std::string(to_string(role_))},
                {"version", std::string(program_version())},
                {"wire_version", std::to_string(wire_version)}},
               1.0);
    out.family("starling_uptime_seconds", "gauge", "Time since this node started.");
    out.sample({},
               std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
    write_connections(out);
    out.family("starling_log_messages_total", "counter",
               "Lines of the node in the log, of level warning and above.");
    out.sample({{"level", "warning"}}, warnings_);
    out.sample({{"level", "error"}}, errors_);
}

void NodeMetrics::write_connections(Exposition& out) const {
    std::map<Role, std::uint64_t> up;
    for (const auto& [peer, role] : up_) {
        ++up[role];
    }
    const auto label = [](Role role) { return Labels{{"role", std::string(to_string(role))}}; };
    out.family("starling_connections", "gauge", "Connections that are up, by the peer's role.");
    for (const auto& [role, metrics] : connections_) {
        out.sample(label(role), up[role]);
    }
    out.family("starling_connections_opened_total", "counter",
               "Connections that were established.");
    for (const auto& [role, metrics] : connections_) {
        out.sample(label(role), metrics.opened);
    }
    out.family("starling_connections_lost_total", "counter",
               "Connections that broke or were replaced by a newer one.");
    for (const auto& [role, metrics] : connections_) {
        out.sample(label(role), metrics.lost);
    }
    out.family("starling_connect_failures_total", "counter",
               "Failed attempts of this node to connect to a peer.");
    out.sample({}, connect_failures_);
    out.family("starling_connections_refused_total", "counter",
               "Peers that were refused or violated the protocol.");
    out.sample({}, refused_);
}

}  // namespace starling
