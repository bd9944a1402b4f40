// The table of merge rules. What a rule is called, what it demands of a contract and what it
// computes stands here and nowhere else: contracts are decoded, checked and shown by it.
#include "core/merge/merge_rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>

#include "core/base/invariant.hpp"
#include "core/merge/centred_clipping.hpp"
#include "core/merge/coordinate_median.hpp"
#include "core/merge/geometric_median.hpp"
#include "core/merge/krum.hpp"
#include "core/merge/trimmed_mean.hpp"
#include "core/merge/weighted_mean.hpp"

namespace starling {
namespace {

std::uint32_t any_number(std::span<const double>) { return 1; }
/// So that most are honest where f are not: Blanchard et al. 2017, theorem 2.
std::uint32_t krum_peers(std::span<const double> parameters) {
    return 2 * static_cast<std::uint32_t>(parameters[0]) + 3;
}

constexpr std::array trimmed_parameters = {MergeParameter{"beta", 0.0, 0.49, 0.1, false}};
constexpr std::array weiszfeld_parameters = {MergeParameter{"iterations", 1, 1000, 4, true},
                                             MergeParameter{"smoothing", 1e-12, 1.0, 1e-5, false},
                                             MergeParameter{"tolerance", 0.0, 1.0, 1e-6, false}};
constexpr std::array krum_parameters = {MergeParameter{"f", 0, 1000, 1, true},
                                        MergeParameter{"select", 1, 100'000, 1, true}};
constexpr std::array clipping_parameters = {MergeParameter{"tau", 1e-9, 1e9, 10.0, false},
                                            MergeParameter{"iterations", 1, 1000, 3, true}};

constexpr std::array rules = {
    MergeRuleRow{MergeRule::mean, "mean", any_number, {}, weighted_mean, "none"},
    MergeRuleRow{MergeRule::coordinate_median,
                 "coordinate-median",
                 any_number,
                 {},
                 coordinate_median,
                 "those of members with less than half of the weight, in each coordinate"},
    MergeRuleRow{MergeRule::trimmed_mean, "trimmed-mean", any_number, trimmed_parameters,
                 trimmed_mean, "as many at each end as are trimmed, in each coordinate"},
    MergeRuleRow{MergeRule::geometric_median, "geometric-median", any_number, weiszfeld_parameters,
                 geometric_median, "those of members with less than half of the weight"},
    MergeRuleRow{MergeRule::krum, "krum", krum_peers, krum_parameters, krum,
                 "those of members with less than half of the weight"},
    MergeRuleRow{MergeRule::centred_clipping, "centred-clipping", any_number, clipping_parameters,
                 centred_clipping, "those of members with less than half of the weight"},
};

/// Pointers into it stay valid.
std::deque<MergeRuleRow>& registered() {
    static std::deque<MergeRuleRow> rows;
    return rows;
}

const MergeRuleRow* row_named(std::string_view name) {
    const auto has_name = [&](const MergeRuleRow& row) { return row.name == name; };
    if (const auto* const row = std::find_if(rules.begin(), rules.end(), has_name);
        row != rules.end()) {
        return row;
    }
    const auto row = std::find_if(registered().begin(), registered().end(), has_name);
    return row == registered().end() ? nullptr : &*row;
}

bool is_rule_name(std::string_view name) {
    return !name.empty() && name.size() <= merge_rule_name_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

bool is_in_range(const MergeParameter& parameter, double value) {
    return value >= parameter.low && value <= parameter.high && !std::signbit(value) &&
           (!parameter.whole || value == std::floor(value));
}

std::string number_text(double value) {
    std::array<char, 32> text{};
    const auto [end, failure] = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end};
}

Error unknown_rule(std::string_view name) {
    std::string known;
    for (const MergeRuleRow& row : rules) {
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    for (const MergeRuleRow& row : registered()) {
        known += ", " + std::string(row.name);
    }
    return {Errc::usage, "'" + std::string(name.substr(0, merge_rule_name_max)) +
                             "' is not a merge rule: one of " + known};
}

/// Sets the parameter that "name=value" names.
Result<void> set_parameter(const MergeRuleRow& row, std::string_view text, MergeMethod& method) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const auto parameter =
        std::find_if(row.parameters.begin(), row.parameters.end(),
                     [&](const MergeParameter& candidate) { return candidate.name == name; });
    if (parameter == row.parameters.end() || equals == std::string_view::npos) {
        std::string known;
        for (const MergeParameter& each : row.parameters) {
            known += (known.empty() ? "" : ", ") + std::string(each.name);
        }
        return Error{Errc::usage, "'" + std::string(text.substr(0, 64)) +
                                      "' is no parameter of merge rule " + std::string(row.name) +
                                      (known.empty() ? ", which has none"
                                                     : ": NAME=NUMBER with one of " + known)};
    }
    const std::string_view digits = text.substr(equals + 1);
    double value = 0.0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc{} || end != digits.data() + digits.size() ||
        !is_in_range(*parameter, value)) {
        return Error{Errc::usage,
                     "parameter " + std::string(name) + " of merge rule " + std::string(row.name) +
                         " is '" + std::string(digits.substr(0, 32)) + "', it must be a " +
                         (parameter->whole ? "whole " : "") + "number from " +
                         number_text(parameter->low) + " to " + number_text(parameter->high)};
    }
    method.parameters[static_cast<std::size_t>(parameter - row.parameters.begin())] = value;
    return {};
}

MergeMethod usual_method(const MergeRuleRow& row) {
    MergeMethod method;
    method.rule = row.rule;
    method.name = row.rule == MergeRule::of_program ? std::string(row.name) : "";
    for (const MergeParameter& parameter : row.parameters) {
        method.parameters.push_back(parameter.usual);
    }
    return method;
}

}  // namespace

MergeMethod::MergeMethod(MergeRule a_rule) : rule(a_rule) {
    const MergeRuleRow* const row = row_of(*this);
    STARLING_INVARIANT(row != nullptr, "rules that are named in the code are in the table");
    parameters = usual_method(*row).parameters;
}

std::span<const MergeRuleRow> merge_rules() { return rules; }

const MergeRuleRow* row_of(const MergeMethod& method) {
    if (method.rule == MergeRule::of_program) {
        const MergeRuleRow* const row = row_named(method.name);
        return row != nullptr && row->rule == MergeRule::of_program ? row : nullptr;
    }
    const auto* const row =
        std::find_if(rules.begin(), rules.end(),
                     [&](const MergeRuleRow& candidate) { return candidate.rule == method.rule; });
    return row == rules.end() ? nullptr : row;
}

bool register_merge_rule(const MergeRuleRow& row) {
    STARLING_INVARIANT(row.rule == MergeRule::of_program && is_rule_name(row.name) &&
                           row.parameters.size() <= merge_parameters_max &&
                           row_named(row.name) == nullptr,
                       "a program registers rules of its own under names that no other rule has");
    registered().push_back(row);
    return true;
}

Result<MergeMethod> parse_merge_method(std::string_view text) {
    const std::size_t colon = text.find(':');
    const MergeRuleRow* const row = row_named(text.substr(0, colon));
    if (row == nullptr) {
        return unknown_rule(text.substr(0, colon));
    }
    MergeMethod method = usual_method(*row);
    std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (const Result<void> set = set_parameter(*row, rest.substr(0, comma), method); !set) {
            return set.error();
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return method;
}

std::string to_string(const MergeMethod& method) {
    const MergeRuleRow* const row = row_of(method);
    std::string text =
        std::string(row == nullptr ? method.name.view() : std::string_view(row->name));
    for (std::size_t i = 0; i < method.parameters.size(); ++i) {
        // An SN does not have the names of a program's own parameters.
        const std::string name = row != nullptr && i < row->parameters.size()
                                     ? std::string(row->parameters[i].name)
                                     : std::to_string(i + 1);
        text += (i == 0 ? ":" : ",") + name + "=" + number_text(method.parameters[i]);
    }
    return text;
}

Result<void> check(const MergeMethod& method) {
    const MergeRuleRow* const row = row_of(method);
    const bool own = method.rule == MergeRule::of_program;
    if (own && row == nullptr) {
        const bool finite = std::all_of(method.parameters.begin(), method.parameters.end(),
                                        [](double value) { return std::isfinite(value); });
        if (is_rule_name(method.name) && method.parameters.size() <= merge_parameters_max &&
            finite) {
            return {};
        }
        return Error{Errc::malformed, "the name or the parameters of a program's own merge rule"};
    }
    if (row == nullptr || (!own && !method.name.empty()) ||
        row->parameters.size() != method.parameters.size()) {
        return Error{Errc::malformed, "no such merge rule"};
    }
    for (std::size_t i = 0; i < row->parameters.size(); ++i) {
        if (!is_in_range(row->parameters[i], method.parameters[i])) {
            return Error{Errc::malformed, "parameter " + std::string(row->parameters[i].name) +
                                              " of merge rule " + std::string(row->name)};
        }
    }
    return {};
}

std::uint32_t least_min_peers(const MergeMethod& method) {
    const MergeRuleRow* const row = row_of(method);
    return row == nullptr ? 1 : row->min_peers(method.parameters);
}

}  // namespace starling
