#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

struct ToolNodeOptions {
    NodeId id;
    std::vector<Address> servers;  ///< tried in order
    Role server_role = Role::sn;
    /// StatusQuery, SeatRule or RemoveServer, of which the tool fills in the number of the server,
    /// for which it asks first, and its signature. Its id should differ from that of every other
    /// tool with this id's name: a server sends to a name, and the newest connection gets it.
    Message request;
    /// Gets each answer that is ok, and its JSON.
    std::function<void(const StatusReply&, std::string_view json)> on_reply;
    /// For the answer; of a query that is followed, for each connection.
    SwarmDuration limit = std::chrono::seconds(10);
    /// Said to an SN before `request`, as a signed command of the ledger; the tool registers for
    /// it. Then `session` is not 0: see Node::session().
    std::optional<ChangeRoll> change;
    std::shared_ptr<const NodeSigner> signer;  ///< not nullptr with `change` or a RemoveServer
    std::uint64_t session = 0;
};

/// A person's or machine's tool: connects to the first server that can be reached, asks once and
/// ends with the answer. A query with follow = true goes on until StopRequested: every answer is
/// handed on, and a lost connection is made anew, to the next server.
///
/// Ends with exit_code_of(code) and the server's reason if the answer is no; with
/// exit_code::peer_lost and each server's cause if none can be reached; with exit_code::refused if
/// one does not accept this tool's certificate, or this tool not its.
///
/// \pre at least one server, and `request` is one of the three.
std::unique_ptr<Node> make_tool_node(ToolNodeOptions options);

}  // namespace starling
