#pragma once

#include <memory>

#include "transport/tls/channel.hpp"

namespace starling {

/// For Unix sockets, whose both ends the kernel vouches for. Bodies are sent from where they lie.
std::unique_ptr<Channel> make_plain_channel();

}  // namespace starling
