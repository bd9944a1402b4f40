#include "core/trace/trace_event.hpp"

#include "core/base/real_text.hpp"

namespace starling {
namespace {

void append_escaped(std::string& line, std::string_view value) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (code <= ' ' || c == '=' || c == '%' || code >= 127) {
            line.push_back('%');
            line.push_back(digits[code >> 4U]);
            line.push_back(digits[code & 15U]);
        } else {
            line.push_back(c);
        }
    }
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::debug:
            return "DEBUG";
        case Level::info:
            return "INFO";
        case Level::warning:
            return "WARNING";
        case Level::error:
            return "ERROR";
    }
    return "UNKNOWN";
}

Level level_named(std::string_view name) {
    return name == "debug"     ? Level::debug
           : name == "warning" ? Level::warning
           : name == "error"   ? Level::error
                               : Level::info;
}

TraceEvent scalar_event(std::uint64_t round, std::string_view name, double value) {
    return TraceEvent("scalar")
        .with("round", round)
        .with("name", std::string(name))
        .with("value", real_text(value));
}

std::string trace_line(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    std::string line = std::to_string(to_ns(time));
    line += ' ';
    line += node.name;
    line += ' ';
    line += event.name;
    for (const TraceEvent::Field& field : event.fields) {
        line += ' ';
        line += field.key;
        line += '=';
        append_escaped(line, field.value);
    }
    return line;
}

}  // namespace starling
