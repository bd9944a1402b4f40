#pragma once

#include <vector>

#include "core/ledger/consensus.hpp"

namespace starling {

/// At most servers_max.
void encode_servers(Writer& writer, const std::vector<Server>& servers);
/// On malformed input the reader enters the failed state.
std::vector<Server> decode_servers(Reader& reader);

/// The data of a membership record: who agrees from there on. Ascending by node.
Bytes encode_membership(const std::vector<Server>& servers);
/// Whether no name and no number stands there twice.
bool are_distinct(const std::vector<Server>& servers);
/// Errc::malformed: no membership, no servers at all, or a name or number twice.
Result<std::vector<Server>> decode_membership(ByteView data);

}  // namespace starling
