#pragma once

#include <memory>

#include "transport/tls/channel.hpp"

namespace starling {

/// For Unix sockets, where the kernel identifies the user at the other end (check_same_user()).
/// Bodies are sent without a copy.
std::unique_ptr<Channel> make_plain_channel();

}  // namespace starling
