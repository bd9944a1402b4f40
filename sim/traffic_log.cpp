#include "sim/traffic_log.hpp"

#include <charconv>

namespace starling {
namespace {

std::uint64_t number_in(const TraceEvent& event, std::string_view key) {
    std::uint64_t value = 0;
    for (const TraceEvent::Field& field : event.fields) {
        if (field.key == key) {
            std::from_chars(field.value.data(), field.value.data() + field.value.size(), value);
        }
    }
    return value;
}

}  // namespace

void TrafficLog::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    if (event.name == "round_done") {
        Exchanged& round = rounds_[number_in(event, "round")];
        ++round.members;
        round.sent_bytes += number_in(event, "sent_bytes");
        round.received_bytes += number_in(event, "received_bytes");
    }
    trace_.report(time, node, event);
}

}  // namespace starling
