#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// A command of swci. Keywords are case-insensitive; names are not.
struct SwciCommand {
    enum class Kind {
        query,            ///< query the SN
        remove_server,    ///< an SN is gone for good
        change_roll,      ///< admit or expel a name
        help,             ///< of one command, or all
        exit,             ///< end the session
        exit_on_failure,  ///< whether the session ends when a command fails
    };

    Kind kind = Kind::query;
    StatusQuery query;           ///< of query
    NodeId server;               ///< of remove_server
    ChangeRoll change;           ///< of change_roll
    std::string_view help_of;    ///< of help: a command's spelling; empty: all
    std::optional<bool> enable;  ///< of exit_on_failure; nothing: print the current value
};

/// The contract of a command without a name.
constexpr std::string_view default_contract = "default";

/// Errc::usage: no such command (the message lists similar ones), a missing name or too many words.
/// \param in_session  permits session commands such as exit and help.
Result<SwciCommand> parse_swci_command(const std::vector<std::string>& words, bool in_session);

/// One line per command, for --help and HELP. \param only  spelling of one command; empty: all.
std::string swci_commands_help(bool in_session, std::string_view only = "");

}  // namespace starling
