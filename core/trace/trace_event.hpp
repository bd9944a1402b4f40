#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

enum class Level : std::uint8_t { debug = 1, info = 2, warning = 3, error = 4 };

std::string_view to_string(Level level);  ///< "DEBUG", "INFO", "WARNING", "ERROR"
/// "debug", "info", "warning" or "error"; anything else is info.
Level level_named(std::string_view name);

/// One thing that happened at a node: a name and values for machines (integers, ids, digests; real
/// numbers as real_text() only, no addresses of memory), and, if a person should read it, a log
/// line.
struct TraceEvent {
    struct Field {
        std::string_view key;  ///< a literal
        std::string value;     ///< without white space; text is escaped by the writer
    };

    std::string_view name;  ///< a literal, snake_case: "round_committed"
    std::vector<Field> fields;
    Level level = Level::debug;
    std::string_view component;  ///< a literal of the log line: "swarm.blCnt"
    std::string text;            ///< empty: not for the log

    TraceEvent(std::string_view event_name) : name(event_name) {}  // NOLINT

    // By value, so that `event = std::move(event).with(...)` is right.
    TraceEvent with(std::string_view key, std::string value) && {
        fields.push_back({key, std::move(value)});
        return std::move(*this);
    }
    TraceEvent with(std::string_view key, std::uint64_t value) && {
        return std::move(*this).with(key, std::to_string(value));
    }
    TraceEvent log(Level log_level, std::string_view log_component, std::string log_text) && {
        level = log_level;
        component = log_component;
        text = std::move(log_text);
        return std::move(*this);
    }
};

/// Event `scalar`: a value that a program has reported by name.
TraceEvent scalar_event(std::uint64_t round, std::string_view name, double value);

/// Port: where events go. Called in order, by one thread.
class TraceSink {
public:
    virtual ~TraceSink() = default;
    virtual void report(SwarmTime time, const NodeId& node, const TraceEvent& event) = 0;
};

/// The one text form, in simulation and deployment: `time_ns node event key=value key=value`.
/// Values with white space or '=' are percent-escaped.
std::string trace_line(SwarmTime time, const NodeId& node, const TraceEvent& event);

}  // namespace starling
