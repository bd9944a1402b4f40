#include "sim/fault.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>
#include <utility>

#include "sim/duration.hpp"

namespace starling {
namespace {

enum class FaultValue { none, rate, time, share };

struct FaultAction {
    std::string_view name;
    Fault::Kind kind;
    FaultValue value = FaultValue::none;
    bool ends = false;  ///< "for 60s" may follow
};

constexpr std::array<FaultAction, 9> fault_actions = {{
    {"kill", Fault::Kind::kill},
    {"restart", Fault::Kind::restart},
    {"power", Fault::Kind::power, FaultValue::none, true},
    {"cut", Fault::Kind::cut, FaultValue::none, true},
    {"heal", Fault::Kind::heal},
    {"bandwidth", Fault::Kind::bandwidth, FaultValue::rate, true},
    {"latency", Fault::Kind::latency, FaultValue::time, true},
    {"loss", Fault::Kind::loss, FaultValue::share, true},
    {"disk", Fault::Kind::disk, FaultValue::rate, true},
}};

constexpr const char* fault_form =
    "the form is \"t=TIME ACTION TARGET\", TIME like 30s, 1.5s, 200ms, 2m or 1h, ACTION one of "
    "kill, restart (a host or node), power, disk RATE (a host), cut, heal, bandwidth RATE, latency "
    "TIME, loss PERCENT% (a link), RATE like 10Mbps or 1MBps, then `for TIME` if it ends, TARGET "
    "an unquoted name";

Error wrong_fault(const std::string& text, const std::string& what) {
    return Error{Errc::usage, "--fault \"" + text + "\": " + what + "; " + fault_form};
}

/// A number above 0, and what follows it.
std::optional<std::pair<double, std::string_view>> number_with_unit(std::string_view text) {
    double number = 0.0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (failed != std::errc{} || !(number > 0.0) || number > 1e15) {
        return std::nullopt;
    }
    return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

/// Bytes per second of "10Mbps" (bits) or "1MBps" (bytes).
std::optional<double> rate_of(std::string_view text) {
    auto parsed = number_with_unit(text);
    if (!parsed) {
        return std::nullopt;
    }
    auto [rate, unit] = *parsed;
    constexpr std::array<std::pair<char, double>, 4> prefixes = {
        {{'k', 1e3}, {'M', 1e6}, {'G', 1e9}, {'T', 1e12}}};
    for (const auto& [prefix, factor] : prefixes) {
        if (unit.starts_with(prefix)) {
            rate *= factor;
            unit.remove_prefix(1);
            break;
        }
    }
    return unit == "Bps"   ? std::optional(rate)
           : unit == "bps" ? std::optional(rate / 8)
                           : std::nullopt;
}

std::optional<double> value_of(FaultValue kind, const std::string& text) {
    if (kind == FaultValue::rate) {
        return rate_of(text);
    }
    if (kind == FaultValue::time) {
        const std::optional<SwarmDuration> time = parse_duration(text);
        return time ? std::optional(to_seconds(*time)) : std::nullopt;
    }
    const auto percent = number_with_unit(text);
    return percent && percent->second == "%" && percent->first <= 50.0
               ? std::optional(percent->first / 100)
               : std::nullopt;
}

/// Reads "for 60s " if it is there and a name follows.
std::optional<SwarmDuration> take_lasting(std::string& rest) {
    std::istringstream words(rest);
    std::string word;
    std::string time;
    std::string target;
    words >> word >> time;
    std::getline(words >> std::ws, target);
    const std::optional<SwarmDuration> lasting =
        word == "for" && !target.empty() ? parse_duration(time) : std::nullopt;
    if (lasting) {
        rest = target;
    }
    return lasting;
}

}  // namespace

Result<Fault> parse_fault(const std::string& text) {
    std::istringstream stream(text);
    std::string time;
    std::string name;
    Fault fault;
    fault.text = text;
    stream >> time >> name;
    const std::optional<SwarmDuration> at =
        time.starts_with("t=") ? parse_duration(time.substr(2)) : std::nullopt;
    if (!at) {
        return wrong_fault(text, "'" + time + "' is not a time");
    }
    fault.at = SwarmTime{*at};
    if (name == "clock") {
        return wrong_fault(text,
                           "nodes never look at the wall clock, so its offset changes nothing "
                           "but a licence server's date, which --date sets");
    }
    const auto action = std::find_if(fault_actions.begin(), fault_actions.end(),
                                     [&](const FaultAction& one) { return one.name == name; });
    if (action == fault_actions.end()) {
        return wrong_fault(text, "'" + name + "' is not an action");
    }
    fault.kind = action->kind;
    if (action->value != FaultValue::none) {
        std::string value;
        stream >> value;
        const std::optional<double> read = value_of(action->value, value);
        if (!read) {
            return wrong_fault(text, "'" + value + "' is no " +
                                         (action->value == FaultValue::rate   ? "rate above 0"
                                          : action->value == FaultValue::time ? "time"
                                                                              : "percentage from "
                                                                                "above 0 to 50"));
        }
        fault.value = *read;
    }
    std::getline(stream >> std::ws, fault.target);
    // The target is the rest of the text: IDs of hosts may contain spaces and apostrophes.
    if (action->ends) {
        fault.lasting = take_lasting(fault.target);
    }
    fault.target.resize(fault.target.find_last_not_of(" \t\r\n") + 1);
    if (fault.target.empty()) {
        return wrong_fault(text, "it has no target");
    }
    return fault;
}

}  // namespace starling
