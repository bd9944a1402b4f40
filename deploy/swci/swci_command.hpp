#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// What swci can be told. Keywords in any case; names as they are.
struct SwciCommand {
    enum class Kind {
        query,            ///< ask the SN
        remove_server,    ///< an SN is gone for good
        change_roll,      ///< who may be whom
        help,             ///< of one command, or all
        exit,             ///< end the session
        exit_on_failure,  ///< from now on (or no longer) end the session when a command fails
    };

    Kind kind = Kind::query;
    StatusQuery query;           ///< of a query
    NodeId server;               ///< of remove_server
    ChangeRoll change;           ///< of change_roll
    std::string_view help_of;    ///< of help: a command's spelling; empty: all
    std::optional<bool> enable;  ///< of exit_on_failure; nothing: say what holds
};

/// The name of the contract where a command leaves it out.
constexpr std::string_view default_contract = "default";

/// Errc::usage: no such command (with those that begin like it), a name missing or a word too many.
/// \param in_session  EXIT and HELP are known too.
Result<SwciCommand> parse_swci_command(const std::vector<std::string>& words, bool in_session);

/// One line a command, for --help and HELP. \param only  spelling of one command; empty: all.
std::string swci_commands_help(bool in_session, std::string_view only = "");

}  // namespace starling
