#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// How many characters of what a user typed an error shows.
constexpr std::size_t shown_max = 64;

/// What becomes of a flag or variable that HPE's programs have.
enum class FlagEffect {
    works,
    none,     ///< accepted, and one line says why it changes nothing here
    refused,  ///< an error says why
};

/// What few flags have.
struct FlagExtras {
    bool required = false;
    bool repeatable = false;
    std::string_view short_name = "";  ///< "-d"
    FlagEffect effect = FlagEffect::works;
    std::string_view reason = "";  ///< why it does not work
    bool may_be_empty = false;     ///< an empty value is one, as of a shell's unset variable
};

/// Of a flag of HPE's that changes nothing here, however often it is given.
constexpr FlagExtras no_effect(std::string_view reason, std::string_view short_name = "") {
    return {
        .repeatable = true, .short_name = short_name, .effect = FlagEffect::none, .reason = reason};
}

/// One row of a program's command line. All texts are literals.
struct Flag {
    std::string_view name;   ///< "--sl-fs-port"
    std::string_view value;  ///< what stands for the value in the help: "PORT"; empty: a switch
    std::string_view group;  ///< heading in the help
    std::string_view help;   ///< one line, with unit and default
    std::string_view environment = "";  ///< variable used if the flag is missing; empty: none
    FlagExtras extras = {};
};

/// A variable of the environment that no flag reads.
struct Variable {
    std::string_view name;
    FlagEffect effect = FlagEffect::none;
    std::string_view reason = "";
};

struct Program {
    std::string_view name;     ///< "run-sl"
    std::string_view summary;  ///< first line of the help
    std::string_view example;  ///< last lines of the help
    /// What stands for the words that belong to no flag in the help ("COMMAND ..."); empty: there
    /// are none.
    std::string_view operands = {};
    std::string_view operands_help = {};  ///< lines of the help that say what they may be
    std::span<const Variable> variables = {};
};

/// What a command line held, by flag. A value is empty only where the flag says that it may be.
class FlagValues {
public:
    struct Value {
        std::string text;
        std::string source;  ///< for errors: "--sl-fs-port" or "environment variable SL_FS_PORT"
    };

    void add(std::string_view flag, Value value) {
        values_[std::string(flag)].push_back(std::move(value));
    }
    bool has(std::string_view flag) const { return !all(flag).empty(); }
    /// All values of a repeatable flag, in order.
    const std::vector<Value>& all(std::string_view flag) const;
    /// nullptr if the flag is missing.
    const Value* find(std::string_view flag) const;
    /// The value, or `fallback`.
    std::string text(std::string_view flag, std::string_view fallback = "") const;
    /// The words that belong to no flag, in order.
    const std::vector<std::string>& operands() const { return operands_; }
    void set_operands(std::vector<std::string> operands) { operands_ = std::move(operands); }

    /// One line for each flag and variable that was given and has no effect.
    const std::vector<std::string>& notices() const { return notices_; }
    void add_notice(std::string notice) { notices_.push_back(std::move(notice)); }

private:
    std::vector<std::string> notices_;
    std::vector<std::string> operands_;
    std::map<std::string, std::vector<Value>, std::less<>> values_;
};

/// What a command line led to: values, or text to print (help, version).
struct ParsedFlags {
    std::optional<FlagValues> values;
    std::string text;
};

/// Reads `--flag=value` and `--flag value`. A repeatable flag `--env` with NAME=VALUE adds to
/// `environment`. Adds --help and --version to the table.
/// Errc::usage: an unknown flag (with the nearest known one), a flag twice, a missing value, a
/// missing flag that is required, a flag or variable whose effect is FlagEffect::refused, an
/// argument that belongs to no flag where the program has no operands.
Result<ParsedFlags> parse_flags(const Program& program, std::span<const Flag> flags,
                                const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment);

}  // namespace starling
