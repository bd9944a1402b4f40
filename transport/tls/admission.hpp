#pragma once

#include <optional>
#include <set>

#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// Decides whether the node `own` accepts a peer that sent `hello`. Pure.
/// \param session    of `own`: see Node::session().
/// \param certified  what its certificate proves; nothing on a Unix socket.
/// \param accepts  roles that are accepted on this connection.
/// \return  Errc::refused with a message that makes sense at both ends; Errc::replaced if another
/// start of this very node dials it.
Result<void> admit_peer(const NodeId& own, std::uint64_t session, const Hello& hello,
                        const std::optional<Identity>& certified, const std::set<Role>& accepts);

}  // namespace starling
