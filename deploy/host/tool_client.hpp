#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/wire/messages.hpp"
#include "options/node_options.hpp"

namespace starling {

/// A tool's request to the first reachable one of several servers.
struct ServerCall {
    std::string_view program;  ///< for errors on standard error
    NodeId id;                 ///< the certificate's name
    std::vector<Address> servers;
    Role server_role = Role::sn;
    Message request;  ///< see ToolNodeOptions; its id is filled in
    SwarmDuration timeout = std::chrono::seconds(10);
    std::optional<ChangeRoll> change{};  ///< see ToolNodeOptions
};

/// Sends the request and calls `on_reply` with each reply (several, if the request is to watch).
/// Ends with the last reply, when `on_reply` returns false, and on SIGINT or SIGTERM.
/// \param identity  files of the certificate, checked.
/// \return  an exit code; errors are printed to standard error.
int call_server(const CommonOptions& identity, ServerCall call,
                const std::function<bool(std::string_view json)>& on_reply);

}  // namespace starling
