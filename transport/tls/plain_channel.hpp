#pragma once

#include <memory>

#include "transport/tls/channel.hpp"

namespace starling {

enum class PlainSide { dials, accepts };

/// For Unix sockets, where the kernel identifies the user at the other end (check_same_user()).
///
/// With `share_memory` large pieces pass through shared memory (SharedLink) if both ends can: the
/// dialling end sends two regions with its first byte; if the other end can use them, its first
/// bytes, and everything after them in both directions, are records of SharedLink. Otherwise, as
/// with an end of an older version, which never sees the regions, frames are sent as they are,
/// without a copy in this process.
std::unique_ptr<Channel> make_plain_channel(PlainSide side, bool share_memory);

}  // namespace starling
