// The table of merge rules. What a rule is called, what it demands of a contract and what it
// computes stands here and nowhere else: contracts are decoded, checked and shown by it.
#include "core/merge/merge_rules.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/invariant.hpp"
#include "core/merge/weighted_mean.hpp"

namespace starling {
namespace {

constexpr std::array rules = {
    MergeRuleRow{MergeRule::mean, "mean", 1, weighted_mean},
};

}  // namespace

std::span<const MergeRuleRow> merge_rules() { return rules; }

const MergeRuleRow* merge_rule_of(std::uint8_t code) {
    const auto* const row =
        std::find_if(rules.begin(), rules.end(), [&](const MergeRuleRow& candidate) {
            return static_cast<std::uint8_t>(candidate.rule) == code;
        });
    return row == rules.end() ? nullptr : row;
}

const MergeRuleRow& row_of(MergeRule rule) {
    const MergeRuleRow* row = merge_rule_of(static_cast<std::uint8_t>(rule));
    STARLING_INVARIANT(row != nullptr, "codes that no rule has are refused when they are decoded");
    return *row;
}

std::string_view to_string(MergeRule rule) { return row_of(rule).name; }

Result<MergeRule> parse_merge_rule(std::string_view name) {
    std::string known;
    for (const MergeRuleRow& row : rules) {
        if (row.name == name) {
            return row.rule;
        }
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    return Error{Errc::usage,
                 "'" + std::string(name.substr(0, 32)) + "' is no merge rule: one of " + known};
}

}  // namespace starling
