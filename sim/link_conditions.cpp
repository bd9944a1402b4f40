#include "sim/link_conditions.hpp"

#include <cmath>

#include "sim/sg_compat.hpp"

namespace starling {

namespace s4u = simgrid::s4u;

LinkConditions::Changed& LinkConditions::changed(const s4u::Link& link) {
    const auto [entry, fresh] = links_.try_emplace(&link);
    if (fresh) {
        entry->second.bandwidth = link.get_bandwidth();
        entry->second.latency = link.get_latency();
    }
    return entry->second;
}

void LinkConditions::apply_bandwidth(s4u::Link& link, const Changed& changed) {
    link.set_bandwidth(changed.bandwidth_now.value_or(changed.bandwidth) * (1.0 - changed.loss));
}

void LinkConditions::set_bandwidth(s4u::Link& link, std::optional<double> bytes_per_second) {
    Changed& entry = changed(link);
    entry.bandwidth_now = bytes_per_second;
    apply_bandwidth(link, entry);
}

void LinkConditions::set_latency(s4u::Link& link, std::optional<double> seconds) {
    link.set_latency(seconds.value_or(changed(link).latency));
}

void LinkConditions::set_loss(s4u::Link& link, double share) {
    Changed& entry = changed(link);
    entry.loss = share;
    apply_bandwidth(link, entry);
}

double LinkConditions::loss(const s4u::Link& link) const {
    const auto found = links_.find(&link);
    return found == links_.end() ? 0.0 : found->second.loss;
}

SwarmDuration loss_wait(std::uint64_t bytes, SwarmDuration round_trip, double bytes_per_second,
                        double loss) {
    constexpr double tcp_segment_bytes = 1448.0;
    if (loss <= 0.0 || round_trip <= SwarmDuration{0}) {
        return SwarmDuration{0};
    }
    const double rate = tcp_segment_bytes / to_seconds(round_trip) * std::sqrt(1.5 / loss);
    const auto size = static_cast<double>(bytes);
    return rate >= bytes_per_second ? SwarmDuration{0}
                                    : from_seconds(size / rate - size / bytes_per_second);
}

}  // namespace starling
