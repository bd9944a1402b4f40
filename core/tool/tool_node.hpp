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
    /// StatusQuery, SeatRule or RemoveServer. Of the last one the tool fills in the server's
    /// number, which it queries before, and the signature. The request's ID should be unique among
    /// tools with this node's name: a server sends answers to a name, and the newest connection
    /// gets them.
    Message request;
    /// Called with each successful answer and its JSON.
    std::function<void(const StatusReply&, std::string_view json)> on_reply;
    /// Limit for the answer; with a followed query, for each connection.
    SwarmDuration limit = std::chrono::seconds(10);
    /// Submitted to an SN before `request`, as a signed command of the ledger, for which the tool
    /// registers. Then `session` is not 0: see Node::session().
    std::optional<ChangeRoll> change;
    std::shared_ptr<const NodeSigner> signer;  ///< not nullptr with `change` or a RemoveServer
    std::uint64_t session = 0;
    /// Further queries to the same server, with IDs of their own, beside a followed `request`: all
    /// on one connection, since a server answers a name on its newest one. One that is not
    /// followed, or is answered with an error, as of a contract that does not exist yet, is asked
    /// again every second.
    std::vector<StatusQuery> also{};
};

/// A client for operators and scripts: connects to the first server that can be reached, sends one
/// request and ends with the answer. A query with follow = true continues until StopRequested:
/// every answer is passed on, and after a lost connection the next server is dialled.
///
/// Ends with exit_code_of(code) and the server's reason if the answer is an error; with
/// exit_code::peer_lost and each server's cause if none can be reached; with exit_code::refused if
/// either side does not accept the other's certificate.
///
/// \pre at least one server, and `request` is one of the three.
std::unique_ptr<Node> make_tool_node(ToolNodeOptions options);

}  // namespace starling
