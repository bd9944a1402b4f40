#include "sim/sim_trace.hpp"

#include <array>
#include <cstdio>
#include <ostream>

namespace starling {

SimTrace::SimTrace(std::ostream* trace, std::ostream* log, Level level, std::uint64_t seed,
                   TraceSink* also)
    : trace_(trace), log_(log), level_(level), also_(also) {
    if (trace_ != nullptr) {
        *trace_ << "# starling-trace 1 simulated seed=" << seed << "\n";
    }
}

void SimTrace::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    ++events_;
    if (also_ != nullptr) {
        also_->report(time, node, event);
    }
    if (trace_ != nullptr) {
        *trace_ << trace_line(time, node, event) << "\n";
    }
    if (log_ == nullptr || event.text.empty() || event.level < level_) {
        return;
    }
    std::array<char, 32> clock{};
    std::snprintf(clock.data(), clock.size(), "[%12.6f]", to_seconds(time.time_since_epoch()));
    *log_ << clock.data() << ' ' << node.name << " : " << event.component << " : "
          << to_string(event.level) << " : ";
    // Text of a program must not forge lines or move the cursor.
    for (const char c : event.text) {
        log_->put(static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c);
    }
    *log_ << "\n";
}

}  // namespace starling
