#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// How contributions become one model. Travels on the wire: do not renumber.
enum class MergeRule : std::uint8_t { mean = 1 };

/// Merges K >= 1 contributions to the same elements of one tensor. A pure function: members that
/// merge the same contributions get the same bytes, whatever their machine.
///
/// \param dtype    a floating type.
/// \param inputs   K runs of `count` elements, ascending by node id; may be unaligned to the type.
/// \param weights  K weights > 0. K may be below the rule's min_peers, where a member has weight 0
///                 or its contribution was left out because it is not finite.
/// \param out      room for `count` elements.
using MergeElements = void (*)(DType dtype, std::span<const std::byte* const> inputs,
                               std::span<const double> weights, std::byte* out, std::size_t count);

/// All that a merge rule is: a row of the table in merge_rules.cpp.
struct MergeRuleRow {
    MergeRule rule;           ///< its code on the wire
    std::string_view name;    ///< in SwarmCallbackOptions, `swci show contract` and logs
    std::uint32_t min_peers;  ///< a contract with this rule has at least so many
    MergeElements merge;
};

std::span<const MergeRuleRow> merge_rules();
/// \pre `rule` has a row: it came from merge_rule_of() or parse_merge_rule(), or is a constant
const MergeRuleRow& row_of(MergeRule rule);
/// nullptr: no rule has this code.
const MergeRuleRow* merge_rule_of(std::uint8_t code);
/// Errc::usage: no rule has this name; the message names those that there are.
Result<MergeRule> parse_merge_rule(std::string_view name);

std::string_view to_string(MergeRule rule);

}  // namespace starling
