#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/node/outbox.hpp"

namespace starling {

/// Of the log lines of an SL node.
constexpr std::string_view sl_component = "swarm.SL";

/// A log line without an event of its own.
inline void log_sl(Level level, std::string text, Outbox& out) {
    out.report(TraceEvent("sl_log").log(level, sl_component, std::move(text)));
}

}  // namespace starling
