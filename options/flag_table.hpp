#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// Characters of a user's input that an error shows.
constexpr std::size_t shown_max = 64;

/// The effect of a flag or variable of HPE's programs.
enum class FlagEffect {
    works,
    none,     ///< accepted, with a notice why it has no effect here
    refused,  ///< an error that tells why
};

/// Properties that few flags have.
struct FlagExtras {
    bool required = false;
    bool repeatable = false;
    std::string_view short_name = "";  ///< "-d"
    FlagEffect effect = FlagEffect::works;
    std::string_view reason = "";  ///< why it does not work
    bool may_be_empty = false;     ///< an empty value is permitted, as of an unset shell variable
};

/// For a flag of HPE's without effect here, which may be repeated.
constexpr FlagExtras no_effect(std::string_view reason, std::string_view short_name = "") {
    return {
        .repeatable = true, .short_name = short_name, .effect = FlagEffect::none, .reason = reason};
}

/// One row of a program's command line. All texts are literals.
struct Flag {
    std::string_view name;   ///< "--sl-fs-port"
    std::string_view value;  ///< placeholder of the value in the help: "PORT"; empty: a switch
    std::string_view group;  ///< heading in the help
    std::string_view help;   ///< one line, with unit and default
    std::string_view environment = "";  ///< variable used if the flag is missing; empty: none
    FlagExtras extras = {};
};

/// The flags of a certificate and of the CAs that are trusted: --key, --cert, --capath, --cacert.
/// \param cert_help  what the certificate has to be, a literal
constexpr std::array<Flag, 4> identity_flags(std::string_view group, std::string_view cert_help) {
    return {
        Flag{"--key", "FILE", group, "Private key, PEM", "SWARM_ID_KEY"},
        Flag{"--cert", "FILE", group, cert_help, "SWARM_ID_CERT"},
        Flag{"--capath", "DIR", group, "Directory of trusted CA certificates (*.pem)",
             "SWARM_ID_CAPATH"},
        Flag{"--cacert", "FILE", group, "File of trusted CA certificates, instead of --capath",
             "SWARM_ID_CACERT"},
    };
}
/// Of a tool's certificate, for identity_flags().
constexpr std::string_view tool_cert_help =
    "Certificate of a tool (gen-cert makes swci-N-cert.pem), PEM";

/// One table of several.
std::vector<Flag> join_flags(std::initializer_list<std::span<const Flag>> parts);

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
    /// Placeholder in the help of arguments without a flag ("COMMAND ..."); empty: there are none.
    std::string_view operands = {};
    std::string_view operands_help = {};  ///< lines of the help about them
    std::span<const Variable> variables = {};
};

/// The values of a command line, by flag. A value is empty only if the flag permits it.
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
    /// Arguments without a flag, in order.
    const std::vector<std::string>& operands() const { return operands_; }
    void set_operands(std::vector<std::string> operands) { operands_ = std::move(operands); }

    /// One line for each given flag and variable without effect.
    const std::vector<std::string>& notices() const { return notices_; }
    void add_notice(std::string notice) { notices_.push_back(std::move(notice)); }

private:
    std::vector<std::string> notices_;
    std::vector<std::string> operands_;
    std::map<std::string, std::vector<Value>, std::less<>> values_;
};

/// The result of a command line: values, or text to print (help, version).
struct ParsedFlags {
    std::optional<FlagValues> values;
    std::string text;
};

/// Reads `--flag=value` and `--flag value`. A repeatable flag `--env` with NAME=VALUE adds to
/// `environment`. Adds --help and --version to the table.
/// Errc::usage: an unknown flag (with the nearest known one), a repeated flag, a missing value, a
/// missing required flag, a flag or variable of FlagEffect::refused, an argument without a flag if
/// the program has no operands.
Result<ParsedFlags> parse_flags(const Program& program, std::span<const Flag> flags,
                                const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment);

}  // namespace starling
