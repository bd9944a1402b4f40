#pragma once

#include <cstdint>
#include <memory>

#include "transport/tls/channel.hpp"
#include "transport/tls/tls_context.hpp"

namespace starling {

enum class TlsSide { dials, accepts };

/// Records after which a new key is taken for sending. RFC 8446, 5.5, allows 2^24.5 full records of
/// AES-GCM under one key; these are 64 GiB.
constexpr std::uint64_t records_per_key = std::uint64_t{1} << 22U;

/// One TLS 1.3 connection between our own buffers: OpenSSL writes many records behind each other
/// and finds many to read, so the socket is asked once for all of them.
/// In memory: up to 17 KiB for what comes, which grows to receive_batch_bytes with a peer that
/// fills it; what one sends ahead, twice (one part is under way); and OpenSSL's buffers of two
/// records. \param dialled  the host that was dialled: the peer's certificate must name it (RFC
/// 6125). Empty
///                 for a connection that was accepted.
std::unique_ptr<Channel> make_tls_channel(const TlsContext& context, TlsSide side,
                                          const std::string& dialled = "",
                                          std::uint64_t key_records_max = records_per_key);

}  // namespace starling
