#include "core/json/workload_table.hpp"

#include <array>
#include <cstdio>
#include <map>

#include "core/base/json_writer.hpp"
#include "core/json/json.hpp"

namespace starling {
namespace {

std::string decimal(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", seconds);
    return text.data();
}

/// In one line.
std::string text_of(const JsonValue& value) {
    const bool object = value.kind == JsonValue::Kind::object;
    if (!object && value.kind != JsonValue::Kind::array) {
        return value.kind == JsonValue::Kind::string ? json_string(value.text)
               : value.kind == JsonValue::Kind::null ? "null"
                                                     : value.text;
    }
    std::string text;
    for (const auto& [name, item] : value.items) {
        text +=
            (text.empty() ? "" : ", ") + (object ? json_string(name) + ": " : "") + text_of(item);
    }
    return object ? "{" + text + "}" : "[" + text + "]";
}

/// The members in lines of their own.
std::string lines_of(const std::map<std::string, std::string>& members) {
    std::string text;
    for (const auto& [name, value] : members) {
        text += (text.empty() ? "" : ",\n  ") + json_string(name) + ": " + value;
    }
    return "{\n  " + text + "\n}";
}

}  // namespace

std::string row_text(const MeasuredWorkload& measured) {
    std::string quantiles;
    for (const double value : measured.quantiles) {
        quantiles += (quantiles.empty() ? "" : ", ") + decimal(value);
    }
    return "{\"seconds_per_batch\": " + decimal(measured.seconds_per_batch) + ", \"quantiles\": [" +
           quantiles + "], \"startup_seconds\": " + decimal(measured.startup_seconds) + "}";
}

Result<std::string> with_workload(const std::string& table, const std::string& workload,
                                  const MeasuredWorkload& measured) {
    std::map<std::string, std::string> members;
    std::map<std::string, std::string> rows;
    if (!table.empty()) {
        const Result<JsonValue> file = parse_json(table);
        if (!file || file->kind != JsonValue::Kind::object) {
            return Error{Errc::malformed, "no calibration file: it is no JSON object"};
        }
        const JsonValue* const found = file->find("workloads");
        const JsonValue none{.kind = JsonValue::Kind::object};
        const JsonValue& workloads = found == nullptr ? none : *found;
        if (workloads.kind != JsonValue::Kind::object) {
            return Error{Errc::malformed, "no calibration file: its \"workloads\" are no object"};
        }
        for (const auto& [name, row] : workloads.items) {
            if (row.kind != JsonValue::Kind::object) {
                return Error{Errc::malformed,
                             "no calibration file: workload '" + name + "' is no object"};
            }
            rows[name] = text_of(row);
        }
        for (const auto& [name, value] : file->items) {
            members[name] = text_of(value);
        }
    }
    rows[workload] = row_text(measured);
    members["workloads"] = lines_of(rows);
    return lines_of(members) + "\n";
}

}  // namespace starling
