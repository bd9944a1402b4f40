#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/wire/messages.hpp"
#include "options/node_options.hpp"

namespace starling {

/// A request of a tool to the first of some servers that can be reached.
struct ToolQuestion {
    std::string_view program;  ///< for errors on standard error
    NodeId id;                 ///< the certificate's name
    std::vector<Address> servers;
    Role server_role = Role::sn;
    Message request;  ///< see ToolNodeOptions; its id is filled in
    SwarmDuration timeout = std::chrono::seconds(10);
    std::optional<ChangeRoll> change{};  ///< see ToolNodeOptions
};

/// Sends the request and passes on each answer, until `on_answer` returns false, SIGINT or SIGTERM.
/// \param identity  files of the certificate, checked.
/// \return  an exit code; errors are printed to standard error.
int ask_server(const CommonOptions& identity, ToolQuestion question,
               const std::function<bool(std::string_view json)>& on_answer);

}  // namespace starling
