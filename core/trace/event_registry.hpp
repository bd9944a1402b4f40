#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/trace/trace_event.hpp"

namespace starling {

/// Type of a field's value in a trace.
enum class FieldType : std::uint8_t {
    number,  ///< decimal, 64 bit without a sign
    flag,    ///< "0" or "1"
    node,    ///< the name of a node; empty: none
    text,
    hex,  ///< a digest, or its first bytes
    real  ///< decimal, "nan", "inf" or "-inf": see real_text()
};

/// One kind of trace event. The registry is the one list of them: TRACE.md is made from it, a test
/// compares both, and the recorder of the tests takes no event that is not in it.
struct EventKind {
    std::string_view name;
    std::string_view source;  ///< which node reports it
    std::string_view fields;  ///< "key:type key:type ..."; an event may lack some
    std::string_view meaning;
};

/// Ordered by name.
std::span<const EventKind> event_kinds();

/// nullptr: a training program's own event, or none.
const EventKind* find_event_kind(std::string_view name);

/// How an event's name or fields differ from the registry; empty: they don't.
std::string event_error(const TraceEvent& event);

/// The text of TRACE.md.
std::string event_registry_text();

}  // namespace starling
