#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/short_text.hpp"

namespace starling {

/// The name of a node in the swarm, as its certificate gives it: 1 to 64 characters out of
/// [A-Za-z0-9._-]. Ordered by its bytes; "ascending node id" always means this order.
struct NodeId {
    ShortText name;

    friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

constexpr std::size_t node_name_max = 64;

/// Errc::malformed if `name` is no node name.
Result<NodeId> parse_node_id(std::string_view name);

/// What a node is. Travels on the wire and stands in certificates: do not renumber.
enum class Role : std::uint8_t { sn = 1, sl = 2, ml = 3, apls = 4, tool = 5 };

/// "sn", "sl", "ml", "apls", "tool": the spelling in certificates, traces and file names.
std::string_view to_string(Role role);
Result<Role> parse_role(std::string_view text);

/// One merge, numbered from 0 within one run of a contract.
using Round = std::uint64_t;
/// A try at a round, numbered from 0. Results of an older attempt are refused.
using Attempt = std::uint32_t;
/// How often a contract was started anew on this ledger, numbered from 0.
using Run = std::uint32_t;

/// Where a node can be dialled: an IPv4 or IPv6 address or host name and a port, or the path of a
/// Unix socket in `host` with port 0.
struct Address {
    ShortText host;
    std::uint16_t port = 0;

    friend auto operator<=>(const Address&, const Address&) = default;
};

std::string to_string(const Address& address);

}  // namespace starling
