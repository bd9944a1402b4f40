#pragma once

#include <optional>
#include <string_view>

#include "core/trace/trace_event.hpp"

namespace starling {

/// A line of a trace, as trace_line() writes it.
struct TraceText {
    std::int64_t time_ns = 0;
    std::string_view node;  ///< part of the line
    TraceEvent event{""};   ///< its name and keys are parts of the line, values are unescaped
};

/// Nothing: it is no such line. Views in the result are valid as long as the line's text.
std::optional<TraceText> parse_trace_line(std::string_view line);

/// The value behind `key`, such as "epoch_ns=", among the words of a line; empty: there is none.
std::string_view word_after(std::string_view line, std::string_view key);

/// Each file of a trace begins with such a line, and a process writes one at each start.
constexpr std::string_view trace_start_mark = "# starling-trace ";

}  // namespace starling
