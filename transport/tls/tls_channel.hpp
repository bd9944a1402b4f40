#pragma once

#include <memory>

#include "transport/tls/channel.hpp"
#include "transport/tls/tls_context.hpp"

namespace starling {

enum class TlsSide { dials, accepts };

/// One TLS 1.3 connection between our own buffers: OpenSSL writes many records behind each other
/// and finds many to read, so the socket is asked once for all of them.
/// \param dialled  the host that was dialled: the peer's certificate must name it (RFC 6125). Empty
///                 for a connection that was accepted.
std::unique_ptr<Channel> make_tls_channel(const TlsContext& context, TlsSide side,
                                          const std::string& dialled = "");

}  // namespace starling
