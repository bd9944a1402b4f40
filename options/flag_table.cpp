// Command lines by a table of flags on top of CLI11. What is added: values from the environment,
// notices about flags without effect, and errors that name the flag and the nearest known name.
// CLI11's own messages about types and counts are not used.
#include "options/flag_table.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "options/nearest_name.hpp"

namespace starling {
namespace {

constexpr std::size_t help_column = 34;

Error usage(const Program& program, const std::string& what) {
    return {Errc::usage, what + ". See " + std::string(program.name) + " --help"};
}

std::string shown(std::string_view text) {
    return "'" + std::string(text.substr(0, shown_max)) + (text.size() > shown_max ? "..." : "") +
           "'";
}

/// The layout of the help; the help lines already contain what CLI11 would add about types and
/// counts.
class HelpText : public CLI::Formatter {
public:
    explicit HelpText(const Program& program) : program_(program) { column_width(help_column); }

    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "Usage: " + std::string(program_.name) + " --FLAG VALUE ... " +
               (program_.operands.empty() ? "" : std::string(program_.operands) + " ") +
               "(or --FLAG=VALUE)\n";
    }
    std::string make_group(std::string group, bool /*positional*/,
                           std::vector<const CLI::Option*> options) const override {
        std::string text = (group == "General" ? "" : "\n") + group + ":\n";
        for (const CLI::Option* option : options) {
            text += make_option(option, false);
        }
        return text;
    }
    std::string make_help(const CLI::App* app, std::string /*name*/,
                          CLI::AppFormatMode /*mode*/) const override {
        std::string text = app->get_description() + "\n" + make_usage(app, "") + "\n";
        if (!program_.operands_help.empty()) {
            text += std::string(program_.operands_help) + "\n";
        }
        for (const std::string& group : app->get_groups()) {
            const auto options = app->get_options([&](const CLI::Option* option) {
                return option->get_group() == group && option->nonpositional();
            });
            if (!options.empty()) {
                text += make_group(group, false, options);
            }
        }
        return text + app->get_footer();
    }
    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_type_size() == 0 ? "" : " " + option->get_option_text();
    }

private:
    const Program& program_;
};

std::string help_line(const Flag& flag) {
    std::string line(flag.help);
    if (flag.extras.effect != FlagEffect::works) {
        line = (flag.extras.effect == FlagEffect::none ? "No effect: " : "Not possible: ") +
               std::string(flag.extras.reason);
    }
    if (flag.extras.required) {
        line += " (required)";
    }
    if (flag.extras.repeatable) {
        line += " (repeatable)";
    }
    if (!flag.environment.empty()) {
        line += " [" + std::string(flag.environment) + "]";
    }
    return line;
}

Error unknown(const Program& program, std::span<const Flag> flags, const std::string& argument) {
    if (!argument.starts_with('-')) {
        return usage(program, "argument " + shown(argument) + " does not belong to a flag");
    }
    const std::string name = argument.substr(0, argument.find('='));
    std::vector<std::string_view> names{"--help", "--version"};
    for (const Flag& flag : flags) {
        names.push_back(flag.name);
    }
    const std::string what = "unknown flag " + shown(name);
    const std::optional<std::string_view> nearest = nearest_name(name, names);
    if (!nearest) {
        return usage(program, what);
    }
    return {Errc::usage, what + ": did you mean '" + std::string(*nearest) + "'? See " +
                             std::string(program.name) + " --help"};
}

/// Values with which HPE's variables turn a switch off.
bool is_no(const std::string& text) {
    return text == "False" || text == "false" || text == "FALSE" || text == "0" || text == "no";
}

/// Reports variables of HPE's programs that are set and have no effect here: a notice, or an error
/// if ignoring them would be wrong.
Result<void> check_variables(const Program& program,
                             const std::map<std::string, std::string>& environment,
                             FlagValues& values) {
    for (const Variable& variable : program.variables) {
        const auto found = environment.find(std::string(variable.name));
        if (found == environment.end() || found->second.empty() ||
            variable.effect == FlagEffect::works) {
            continue;
        }
        const bool refused = variable.effect == FlagEffect::refused;
        const std::string what = "environment variable " + std::string(variable.name) +
                                 (refused ? " is not possible here: " : " has no effect here: ") +
                                 std::string(variable.reason);
        if (refused) {
            return usage(program, what);
        }
        values.add_notice(what);
    }
    return {};
}

/// The environment with the settings of `--env NAME=VALUE` added.
std::map<std::string, std::string> with_own_variables(
    std::map<std::string, std::string> environment, const std::vector<std::string>& settings) {
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        if (equals != std::string::npos) {
            environment[setting.substr(0, equals)] = setting.substr(equals + 1);
        }
    }
    return environment;
}

/// Moves the values found by CLI11, or else in the environment, into `values`.
Result<void> collect(const Program& program, const Flag& flag, const CLI::Option& option,
                     const std::map<std::string, std::string>& environment, FlagValues& values) {
    const std::vector<std::string>& found = option.results();
    if (found.size() > 1 && !flag.extras.repeatable) {
        return usage(program, std::string(flag.name) + " is given " + std::to_string(found.size()) +
                                  " times; only once is allowed");
    }
    for (const std::string& text : found) {
        if (flag.value.empty() && text != "true") {
            return usage(program, std::string(flag.name) + " takes no value");
        }
        if (text.empty() && !flag.extras.may_be_empty) {
            return usage(program, std::string(flag.name) + " needs a value");
        }
        values.add(flag.name, {text, std::string(flag.name)});
    }
    if (found.empty() && !flag.environment.empty()) {
        const auto variable = environment.find(std::string(flag.environment));
        if (variable != environment.end() && !variable->second.empty() &&
            !(flag.value.empty() && is_no(variable->second))) {
            values.add(flag.name,
                       {variable->second, "environment variable " + std::string(flag.environment)});
        }
    }
    if (values.has(flag.name) && flag.extras.effect != FlagEffect::works) {
        const std::string what =
            values.find(flag.name)->source +
            (flag.extras.effect == FlagEffect::none ? " has no effect here: "
                                                    : " is not possible here: ") +
            std::string(flag.extras.reason);
        if (flag.extras.effect == FlagEffect::refused) {
            return usage(program, what);
        }
        values.add_notice(what);
    }
    if (flag.extras.required && !values.has(flag.name)) {
        return usage(program, std::string(flag.name) + " is missing");
    }
    return {};
}

void describe(const Program& program, CLI::App& app) {
    app.formatter(std::make_shared<HelpText>(program));
    app.set_help_flag("--help", "Print this text and exit")->group("General");
    app.set_version_flag("--version", std::string(program.name) + " (Starling) " STARLING_VERSION,
                         "Print the version and exit")
        ->group("General");
    app.footer("\nExample:\n" + std::string(program.example));
    app.allow_extras();
}

/// \return  CLI11's option of each flag, in the order of `flags`.
std::vector<CLI::Option*> add_flags(std::span<const Flag> flags, CLI::App& app) {
    std::vector<CLI::Option*> options;
    for (const Flag& flag : flags) {
        const std::string help = help_line(flag);
        CLI::Option* option =
            app.add_option(flag.extras.short_name.empty()
                               ? std::string(flag.name)
                               : std::string(flag.extras.short_name) + "," + std::string(flag.name),
                           help);
        option->group(std::string(flag.group));
        if (flag.value.empty()) {
            option->type_size(0)->expected(0)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        } else {
            option->type_size(1)->expected(1)->allow_extra_args(false)->multi_option_policy(
                CLI::MultiOptionPolicy::TakeAll);
            option->option_text(std::string(flag.value));
        }
        options.push_back(option);
    }
    return options;
}

/// Rewrites arguments that CLI11 would misread: for `--flag=` without a value it would take the
/// next argument as the value.
Result<std::vector<std::string>> words_of(const Program& program, std::span<const Flag> flags,
                                          const std::vector<std::string>& arguments) {
    std::vector<std::string> words;
    for (const std::string& argument : arguments) {
        const std::string name = argument.substr(0, argument.find('='));
        const bool empty_value = argument.size() == name.size() + 1;
        const auto flag = std::find_if(flags.begin(), flags.end(),
                                       [&](const Flag& one) { return one.name == name; });
        if (!empty_value || flag == flags.end()) {
            words.push_back(argument);
        } else if (flag->extras.may_be_empty) {
            words.insert(words.end(), {name, ""});
        } else {
            return usage(program, name + " needs a value");
        }
    }
    return words;
}

}  // namespace

std::vector<Flag> join_flags(std::initializer_list<std::span<const Flag>> parts) {
    std::vector<Flag> flags;
    for (const std::span<const Flag> part : parts) {
        flags.insert(flags.end(), part.begin(), part.end());
    }
    return flags;
}

const std::vector<FlagValues::Value>& FlagValues::all(std::string_view flag) const {
    static const std::vector<Value> none;
    const auto found = values_.find(flag);
    return found == values_.end() ? none : found->second;
}

const FlagValues::Value* FlagValues::find(std::string_view flag) const {
    const std::vector<Value>& values = all(flag);
    return values.empty() ? nullptr : &values.front();
}

std::string FlagValues::text(std::string_view flag, std::string_view fallback) const {
    const Value* value = find(flag);
    return value == nullptr ? std::string(fallback) : value->text;
}

Result<ParsedFlags> parse_flags(const Program& program, std::span<const Flag> flags,
                                const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment) {
    CLI::App app{std::string(program.summary), std::string(program.name)};
    describe(program, app);
    const std::vector<CLI::Option*> options = add_flags(flags, app);
    Result<std::vector<std::string>> words = words_of(program, flags, arguments);
    if (!words) {
        return words.error();
    }
    try {
        app.parse(std::vector<std::string>(words->rbegin(), words->rend()));
    } catch (const CLI::CallForHelp&) {
        return ParsedFlags{std::nullopt, app.help()};
    } catch (const CLI::CallForVersion&) {
        return ParsedFlags{std::nullopt, app.version() + "\n"};
    } catch (const CLI::ArgumentMismatch&) {
        return usage(program,
                     std::string(arguments.back().substr(0, shown_max)) + " needs a value");
    } catch (const CLI::ParseError& error) {
        return usage(program, error.what());
    }
    FlagValues values;
    for (const std::string& extra : app.remaining()) {
        if (program.operands.empty() || extra.starts_with('-')) {
            return unknown(program, flags, extra);
        }
    }
    values.set_operands(app.remaining());
    std::map<std::string, std::string> variables = environment;
    for (std::size_t i = 0; i < flags.size(); ++i) {
        if (flags[i].name == "--env") {
            variables = with_own_variables(std::move(variables), options[i]->results());
        }
    }
    for (std::size_t i = 0; i < flags.size(); ++i) {
        if (const auto ok = collect(program, flags[i], *options[i], variables, values); !ok) {
            return ok.error();
        }
    }
    if (const auto ok = check_variables(program, variables, values); !ok) {
        return ok.error();
    }
    return ParsedFlags{std::move(values), ""};
}

}  // namespace starling
