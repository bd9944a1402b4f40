#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/real_text.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

/// A field of type number; nothing: it is none.
inline std::optional<std::uint64_t> number_in(std::string_view value) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return value.empty() || error != std::errc{} || end != value.data() + value.size()
               ? std::nullopt
               : std::optional(number);
}

/// The values of one event by their keys; an event of a trace file may lack any.
class EventFields {
public:
    explicit EventFields(const TraceEvent& event) : event_(event) {}

    /// Empty where there is none.
    std::string_view text(std::string_view key) const {
        for (const TraceEvent::Field& field : event_.fields) {
            if (field.key == key) {
                return field.value;
            }
        }
        return {};
    }
    std::optional<std::uint64_t> number(std::string_view key) const { return number_in(text(key)); }
    std::optional<double> real(std::string_view key) const { return real_in(text(key)); }
    bool flag(std::string_view key) const { return text(key) == "1"; }
    bool has(std::string_view key) const { return !text(key).empty(); }

private:
    const TraceEvent& event_;
};

}  // namespace starling
