#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/short_text.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// How contributions become one model. Travels on the wire: do not renumber.
enum class MergeRule : std::uint8_t {
    mean = 1,
    coordinate_median = 2,
    trimmed_mean = 3,
    geometric_median = 4,
    krum = 5,
    centred_clipping = 6,
    of_program = 255,  ///< one that programs register: see register_merge_rule()
};

/// What a rule merges at a time: those elements of one tensor that are in one segment.
struct MergeBlock {
    DType dtype = DType::f32;  ///< a floating type
    /// K >= 1 runs of `count` elements, ascending by node id; may be unaligned to the type. K may
    /// be below the rule's min_peers, where a member has weight 0 or its contribution was left out
    /// because it is not finite.
    std::span<const std::byte* const> inputs;
    std::span<const double> weights;     ///< of the inputs: whole numbers from 1 to weight_max
    std::span<const double> parameters;  ///< of the rule, in the order of its row
    /// Elements of floating types in the whole model.
    std::uint64_t model_elements = 0;
    std::byte* out = nullptr;  ///< room for `count` elements
    std::size_t count = 0;
    /// `out` is not in the caches: better written past them (KernelOut). Changes no result.
    bool past_caches = false;
};

/// A pure function: members that merge the same contributions get the same bytes, whatever their
/// machine.
using MergeElements = void (*)(const MergeBlock& block);

/// A number that a rule takes from the contract.
struct MergeParameter {
    std::string_view name;
    double low;    ///< the least value
    double high;   ///< the largest value
    double usual;  ///< where a program gives none
    bool whole;    ///< takes whole numbers only
};

/// All that a merge rule is: a row of the table in merge_rules.cpp, or one that a program
/// registers.
struct MergeRuleRow {
    MergeRule rule;         ///< its code on the wire
    std::string_view name;  ///< in SwarmCallbackOptions, `swci show contract` and logs
    /// A contract with this rule and these parameters has at least so many.
    std::uint32_t (*min_peers)(std::span<const double> parameters);
    std::span<const MergeParameter> parameters;
    MergeElements merge;
    /// With which NaN and infinities the merged model stays finite, for people. Where it does not,
    /// the contract's NonFinitePolicy decides about the contributions that hold them.
    std::string_view survives;
};

constexpr std::size_t merge_parameters_max = 8;
constexpr std::size_t merge_rule_name_max = 64;

/// A rule with its parameters, as a contract has it.
struct MergeMethod {
    MergeMethod() = default;
    /// With the usual parameters. \pre not of_program
    MergeMethod(MergeRule a_rule);  // NOLINT(google-explicit-constructor)

    MergeRule rule = MergeRule::mean;
    ShortText name;                  ///< of a rule of_program; else empty
    std::vector<double> parameters;  ///< in the order of the rule's row

    friend bool operator==(const MergeMethod&, const MergeMethod&) = default;
};

/// The built-in rules.
std::span<const MergeRuleRow> merge_rules();
/// nullptr: there is no such rule here; it may be another program's.
const MergeRuleRow* row_of(const MergeMethod& method);

/// Adds a rule of the program's own, which its contracts name like any other. SLs merge, so every
/// member's SL must have it too: see add_swarm_learning in deploy/cmake. Call it before main(), as
/// the value of a constant, or else before any node starts.
/// \pre  the name has 1 to merge_rule_name_max of a-z, 0-9 and -, and is no other rule's; at most
///       merge_parameters_max parameters
/// \return true
bool register_merge_rule(const MergeRuleRow& row);

/// From "trimmed-mean" or "krum:f=2,select=3": parameters that are not there have their usual
/// values. Errc::usage: no rule has this name (the message lists those that there are), or a
/// parameter is not one of the rule's or out of its range.
Result<MergeMethod> parse_merge_method(std::string_view text);
/// The same text, with all parameters.
std::string to_string(const MergeMethod& method);

/// Errc::malformed: no such rule, or parameters out of their range. A rule of_program need not be
/// there, since SNs do not merge; its parameters are looked at where it is.
Result<void> check(const MergeMethod& method);
/// 1 for a rule that this program does not have.
std::uint32_t least_min_peers(const MergeMethod& method);

}  // namespace starling
