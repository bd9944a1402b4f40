#pragma once

#include <string>
#include <string_view>

#include "core/trace/trace_event.hpp"

namespace starling {

/// What a person reads of an event.
struct EventWords {
    std::string_view event;
    Level level = Level::info;
    bool alarm = false;      ///< something that an operator should know of
    std::string_view words;  ///< "{key}" stands for a field, "{key:12}" for its first 12 characters
};

/// nullptr: the event is not for people.
const EventWords* find_event_words(std::string_view event);

/// The words with the event's fields in place; a missing one is "?".
std::string words_of(const EventWords& words, const TraceEvent& event);

}  // namespace starling
