#include "core/trace/event_registry.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/real_text.hpp"

namespace starling {
namespace {

constexpr std::array<std::pair<std::string_view, FieldType>, 6> types{{
    {"number", FieldType::number},
    {"flag", FieldType::flag},
    {"node", FieldType::node},
    {"text", FieldType::text},
    {"hex", FieldType::hex},
    {"real", FieldType::real},
}};

/// Takes the first of "key:type key:type ..." off `fields`. \return  key and type.
std::pair<std::string_view, std::string_view> take_field(std::string_view& fields) {
    const std::string_view field = fields.substr(0, fields.find(' '));
    fields.remove_prefix(std::min(fields.size(), field.size() + 1));
    const std::size_t colon = field.find(':');
    return {field.substr(0, colon), field.substr(colon + 1)};
}

/// Type of the field `key` in "key:type key:type ..."; nothing: there is none.
std::optional<FieldType> type_of(std::string_view fields, std::string_view key) {
    while (!fields.empty()) {
        const auto field = take_field(fields);
        if (field.first == key) {
            const auto* type = std::find_if(types.begin(), types.end(), [&](const auto& one) {
                return one.first == field.second;
            });
            return type == types.end() ? std::nullopt : std::optional(type->second);
        }
    }
    return std::nullopt;
}

bool is_of_type(std::string_view value, FieldType type) {
    const auto all = [&](std::string_view of) {
        return !value.empty() && value.find_first_not_of(of) == std::string_view::npos;
    };
    switch (type) {
        case FieldType::number:
            return all("0123456789");
        case FieldType::flag:
            return value == "0" || value == "1";
        case FieldType::hex:
            return all("0123456789abcdef");
        case FieldType::real:
            return real_in(value).has_value();
        case FieldType::node:
        case FieldType::text:
            return true;
    }
    return false;
}

}  // namespace

const EventKind* find_event_kind(std::string_view name) {
    const std::span<const EventKind> all = event_kinds();
    const auto found = std::lower_bound(
        all.begin(), all.end(), name,
        [](const EventKind& kind, std::string_view key) { return kind.name < key; });
    return found == all.end() || found->name != name ? nullptr : &*found;
}

std::string event_error(const TraceEvent& event) {
    const EventKind* kind = find_event_kind(event.name);
    const std::string name(event.name);
    if (kind == nullptr) {
        return "event '" + name + "' is not in core/trace/event_kinds.cpp";
    }
    for (const TraceEvent::Field& field : event.fields) {
        const std::optional<FieldType> type = type_of(kind->fields, field.key);
        if (!type) {
            return "event '" + name + "' has no field '" + std::string(field.key) +
                   "' in core/trace/event_kinds.cpp";
        }
        if (!is_of_type(field.value, *type)) {
            return "event '" + name + "': '" + field.value + "' is not of the type of field '" +
                   std::string(field.key) + "'";
        }
    }
    return "";
}

std::string event_registry_text() {
    std::string text =
        "# Trace events\n\n"
        "One line per event, the same in simulation and deployment:\n\n"
        "    time_ns node event key=value key=value ...\n\n"
        "`time_ns` counts from the start of the trace, whose first line has the wall-clock time. "
        "White "
        "space, '=' and '%'\n"
        "in values are percent-escaped. Lines that begin with '#' are log lines of the event above "
        "them.\n\n"
        "Types: *number* decimal, without a sign; *flag* 0 or 1; *node* the name of a node, or "
        "empty; *hex* a digest or\n"
        "its first bytes; *real* decimal, the shortest text that gives the same binary64, or nan, "
        "inf, -inf. Fields may be missing. Training programs may report events of their "
        "own.\n\n"
        "Generated from `core/trace/event_kinds.cpp`: change that, then run\n"
        "`STARLING_WRITE=1 build/bin/core_test --gtest_filter='EventRegistry.*'`.\n\n"
        "| event | by | meaning | fields |\n|---|---|---|---|\n";
    for (const EventKind& kind : event_kinds()) {
        std::string fields;
        for (std::string_view rest = kind.fields; !rest.empty();) {
            const auto [field, type] = take_field(rest);
            fields +=
                (fields.empty() ? "" : ", ") + std::string(field) + " *" + std::string(type) + "*";
        }
        text += "| `" + std::string(kind.name) + "` | " + std::string(kind.source) + " | " +
                std::string(kind.meaning) + " | " + fields + " |\n";
    }
    return text;
}

}  // namespace starling
