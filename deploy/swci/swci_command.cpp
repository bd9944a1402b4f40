// One table of commands: parser, help and "unknown command" messages are generated from it, so they
// can't disagree.
#include "deploy/swci/swci_command.hpp"

#include <algorithm>

#include "core/ledger/roll.hpp"

namespace starling {
namespace {

using Kind = SwciCommand::Kind;

enum class Name { none, optional, required, node_ca, on_off, command };

/// A command is answered once, or until Ctrl-C, or is for sessions only.
enum class Use { once, follow, session };

/// One command of the table. All texts are literals.
struct Row {
    std::string_view spelling;  ///< keywords, lower case
    Name name = Name::none;
    Kind kind = Kind::query;
    std::string_view topic;  ///< of the query
    std::string_view help;
    Use use = Use::once;
};

constexpr Row command_rows[] = {
    {"list nodes", Name::none, Kind::query, "nodes",
     "Nodes known to the SN: type, address, time of the last message"},
    {"list servers", Name::none, Kind::query, "servers",
     "SNs that keep the ledger: the leader, the voters"},
    {"list contracts", Name::none, Kind::query, "contracts",
     "Training contracts and their current rounds"},
    {"show contract", Name::optional, Kind::query, "contract",
     "A contract's rules, members, last commit, and whom it waits for"},
    {"show round", Name::optional, Kind::query, "round",
     "Its current round: check-ins, reports, deadline"},
    {"show version", Name::none, Kind::query, "version",
     "Version, ledger head and uptime of the SN"},
    {"watch", Name::optional, Kind::query, "round",
     "One line per change, until Ctrl-C: time, round, phase, check-ins, digest", Use::follow},
    {"get contract info", Name::required, Kind::query, "contract", "The same as show contract"},
    {"get contract status", Name::required, Kind::query, "round", "The same as show round"},
    {"remove server", Name::required, Kind::remove_server, "",
     "Remove an SN that is lost permanently (needs a majority of the others)"},
    {"list roll", Name::none, Kind::query, "roll",
     "The roll: each name's CA, who admitted it, which SNs vote"},
    {"admit", Name::node_ca, Kind::change_roll, "admit",
     "Admit a name, readmit it, or change its CA (for administrators)"},
    {"admit server", Name::node_ca, Kind::change_roll, "admit server",
     "Give an SN of another CA a vote (for administrators)"},
    {"expel", Name::required, Kind::change_roll, "expel",
     "Expel a name, under any CA (for administrators and operators)"},
    {"exit on failure", Name::on_off, Kind::exit_on_failure, "",
     "Exit if a command fails, or (off) continue; default: off", Use::session},
    {"exit", Name::none, Kind::exit, "", "Exit, with the last command's exit code", Use::session},
    {"quit", Name::none, Kind::exit, "", "The same as exit", Use::session},
    {"help", Name::command, Kind::help, "", "Show this list, or the help of one command",
     Use::session},
};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

std::vector<std::string> keywords(std::string_view spelling) {
    std::vector<std::string> words(1);
    for (const char c : spelling) {
        if (c == ' ') {
            words.emplace_back();
        } else {
            words.back() += c;
        }
    }
    return words;
}

/// Length of the common prefix of `typed`, from word `first`, and the row's keywords.
std::size_t common_words(const std::vector<std::string>& typed,
                         const std::vector<std::string>& spelled, std::size_t first = 0) {
    std::size_t count = 0;
    while (count + first < typed.size() && count < spelled.size() &&
           lower(typed[count + first]) == spelled[count]) {
        ++count;
    }
    return count;
}

/// The longest row whose keywords all match `typed` from word `first` on.
const Row* find_row(const std::vector<std::string>& typed, std::size_t first, bool in_session) {
    const Row* best = nullptr;
    for (const Row& row : command_rows) {
        const std::vector<std::string> spelled = keywords(row.spelling);
        if ((in_session || row.use != Use::session) &&
            common_words(typed, spelled, first) == spelled.size() &&
            (best == nullptr || row.spelling.size() > best->spelling.size())) {
            best = &row;
        }
    }
    return best;
}

std::string usage_of(const Row& row) {
    std::string text(row.spelling);
    switch (row.name) {
        case Name::none:
            break;
        case Name::optional:
            text += " [NAME]";
            break;
        case Name::required:
            text += " NAME";
            break;
        case Name::node_ca:
            text += " NAME [--ca=FINGERPRINT]";
            break;
        case Name::on_off:
            text += " [on|off]";
            break;
        case Name::command:
            text += " [COMMAND]";
            break;
    }
    return text;
}

/// NAME [--ca=FINGERPRINT], in any order.
Result<ChangeRoll> parse_change(const Row& row, const std::vector<std::string>& rest) {
    ChangeRoll change;
    change.kind = row.topic == "expel"          ? ChangeRoll::Kind::expel
                  : row.topic == "admit server" ? ChangeRoll::Kind::admit_server
                                                : ChangeRoll::Kind::admit;
    constexpr std::string_view flag = "--ca=";
    for (const std::string& word : rest) {
        if (word.starts_with(flag)) {
            change.ca = parse_ca(std::string_view(word).substr(flag.size()));
            if (!change.ca || change.kind == ChangeRoll::Kind::expel) {
                return Error{Errc::usage,
                             word.substr(0, 80) +
                                 ": is not a fingerprint of a CA, 64 hexadecimal digits, "
                                 "as shown by refusals and list roll"};
            }
            continue;
        }
        const Result<NodeId> node = parse_node_id(word);
        if (!node || !change.node.name.empty()) {
            return Error{Errc::usage, "it is: " + usage_of(row)};
        }
        change.node = *node;
    }
    return change.node.name.empty()
               ? Result<ChangeRoll>(Error{Errc::usage, "it is: " + usage_of(row)})
               : Result<ChangeRoll>(change);
}

Error unknown(const std::vector<std::string>& typed, bool in_session) {
    std::size_t most = 0;
    std::string like;
    for (const Row& row : command_rows) {
        if (row.use == Use::session && !in_session) {
            continue;
        }
        const std::size_t common = common_words(typed, keywords(row.spelling));
        if (common > most) {
            most = common;
            like.clear();
        }
        if (common == most) {
            like += (like.empty() ? "" : ", ") + usage_of(row);
        }
    }
    std::string text;
    for (const std::string& word : typed) {
        text += (text.empty() ? "" : " ") + word;
    }
    return {Errc::usage, "unknown command '" + text.substr(0, 64) + "': did you mean " + like};
}

}  // namespace

Result<SwciCommand> parse_swci_command(const std::vector<std::string>& words, bool in_session) {
    const Row* row = find_row(words, 0, in_session);
    if (row == nullptr) {
        return unknown(words, in_session);
    }
    const std::size_t used = keywords(row->spelling).size();
    const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used),
                                        words.end());
    const Error usage{Errc::usage, "it is: " + usage_of(*row)};
    SwciCommand command;
    command.kind = row->kind;
    if (row->name == Name::command) {
        const Row* other = rest.empty() ? nullptr : find_row(rest, 0, in_session);
        if (!rest.empty() && other == nullptr) {
            return unknown(rest, in_session);
        }
        command.help_of = other == nullptr ? std::string_view{} : other->spelling;
        return command;
    }
    if (row->kind == Kind::change_roll) {
        const Result<ChangeRoll> change = parse_change(*row, rest);
        if (!change) {
            return change.error();
        }
        command.change = *change;
        return command;
    }
    if (rest.size() > (row->name == Name::none ? 0U : 1U) ||
        (rest.empty() && row->name == Name::required)) {
        return usage;
    }
    if (row->name == Name::on_off && !rest.empty()) {
        const std::string word = lower(rest.front());
        if (word != "on" && word != "off") {
            return usage;
        }
        command.enable = word == "on";
    }
    if (row->kind == Kind::remove_server) {
        const Result<NodeId> server = parse_node_id(rest.front());
        if (!server) {
            return Error{Errc::usage, server.error().message};
        }
        command.server = *server;
    }
    if (row->kind == Kind::query) {
        command.query.topic = row->topic;
        command.query.follow = row->use == Use::follow;
        if (row->name != Name::none) {
            command.query.name = rest.empty() ? std::string(default_contract) : rest.front();
        }
        if (command.query.name.size() > contract_name_max) {
            return Error{Errc::usage, "a contract's name has at most " +
                                          std::to_string(contract_name_max) + " bytes"};
        }
    }
    return command;
}

std::string swci_commands_help(bool in_session, std::string_view only) {
    constexpr std::size_t column = 34;
    std::string text;
    for (const Row& row : command_rows) {
        if ((row.use == Use::session && !in_session) || (!only.empty() && row.spelling != only)) {
            continue;
        }
        std::string line = "  " + usage_of(row);
        line.resize(std::max(column, line.size() + 1), ' ');
        text += line + std::string(row.help) + "\n";
    }
    return text;
}

}  // namespace starling
